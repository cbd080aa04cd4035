import { logTicks } from '../report/axis.js';
import { renderSvg } from '../report/render.js';
import { meanOf } from '../statistics.js';
import { objectiveTitle } from '../summary.js';
import { type AxisName, loadOf, type ScalingPoint, sequenceBytes, stepBytes } from './scaling.js';

const PANEL = { width: 330, height: 280 } as const;
/** Pixels between the outermost marks and the ends of an axis. */
const ROOM = 10;
/** Pixels between the middles of two labels. */
const LABEL_SPACING = 17;

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly shape: 'circle' | 'square';
  readonly of: (point: ScalingPoint) => number;
}

interface Panel {
  readonly title: string;
  /** The first of them is what the line of reference starts from. */
  readonly series: readonly [Series, ...Series[]];
}

const BLUE = { colour: 'var(--blue)', shape: 'circle' } as const;
const VERMILLION = { colour: 'var(--vermillion)', shape: 'square' } as const;

const mebibytes =
  (of: (point: ScalingPoint) => number) =>
  (point: ScalingPoint): number =>
    of(point) / 2 ** 20;

const time: Panel = {
  title: 'Time of a step, ms',
  series: [{ ...BLUE, label: 'step', of: ({ stepMs }) => stepMs }],
};
const peak: Series = {
  ...VERMILLION,
  label: 'peak of a step',
  of: mebibytes(({ peakGpuBytes }) => peakGpuBytes),
};
const memory: Readonly<Record<AxisName, Panel>> = {
  context: {
    title: 'GPU memory, MiB',
    series: [{ ...BLUE, label: 'working, a sequence', of: mebibytes(sequenceBytes) }, peak],
  },
  width: {
    title: 'GPU memory, MiB',
    series: [{ ...BLUE, label: 'working, a step', of: mebibytes(stepBytes) }, peak],
  },
};

/** Moves labels apart that would lie on each other, each heap about its middle; places count in pixels. */
export function spreadLabels(places: readonly number[]): number[] {
  const heaps: { members: number[]; middle: number }[] = [];
  const reach = ({ members }: { members: readonly number[] }): number => (members.length * LABEL_SPACING) / 2;
  const order = places.map((_, at) => at).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  for (const at of order) {
    let heap = { members: [at], middle: places[at] ?? 0 };
    for (let below = heaps.at(-1); below !== undefined; below = heaps.at(-1)) {
      if (below.middle + reach(below) <= heap.middle - reach(heap)) break;
      heaps.pop();
      const members = [...below.members, ...heap.members];
      heap = { members, middle: meanOf(members.map((member) => places[member] ?? 0)) };
    }
    heaps.push(heap);
  }
  const spread = [...places];
  for (const heap of heaps) {
    heap.members.forEach((at, rank) => {
      spread[at] = heap.middle - reach(heap) + (rank + 0.5) * LABEL_SPACING;
    });
  }
  return spread;
}

/** One panel: lines with marks, named at their right ends, over a wide pale line of slope 1. */
function panel({ title, series }: Panel, name: AxisName, points: readonly ScalingPoint[]): object {
  const xs = points.map((point) => point[name]);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const room = (high / low) ** (ROOM / PANEL.width);
  const lines = series.map(({ of, ...look }) => ({
    ...look,
    values: points.map((point) => ({ x: point[name], y: of(point) })),
  }));
  const start = lines[0]?.values[0]?.y ?? 1;
  const linear = [low, high].map((x) => ({ x, y: (start * x) / low }));
  const all = [...lines.flatMap(({ values }) => values), ...linear].map(({ y }) => y);
  const ticks = logTicks(Math.min(...all), Math.max(...all));
  const domain = [ticks[0] ?? 1, ticks.at(-1) ?? 1] as const;
  const decades = Math.log10(domain[1] / domain[0]);
  const ends = [
    { label: 'linear', colour: 'var(--soft)', y: linear[1]?.y ?? start },
    ...lines.map(({ label, colour, values }) => ({ label, colour, y: values.at(-1)?.y ?? start })),
  ];
  const places = spreadLabels(
    ends.map(({ y }) => (PANEL.height * Math.log10(y / domain[0])) / (decades || 1)),
  );
  const labels = ends.map((end, at) => ({
    ...end,
    x: high,
    y: domain[0] * 10 ** (((places[at] ?? 0) / PANEL.height) * decades),
  }));
  const encoding = {
    x: {
      field: 'x',
      type: 'quantitative',
      // With room for the marks at both ends.
      scale: { type: 'log', base: 2, domain: [low / room, high * room], nice: false },
      axis: {
        title: name === 'context' ? 'context, tokens' : 'width',
        values: xs,
        format: ',d',
        grid: false,
      },
    },
    y: {
      field: 'y',
      type: 'quantitative',
      scale: { type: 'log', domain, nice: false },
      axis: {
        title: null,
        // With many decades, only these have a label.
        values: decades > 3 ? ticks.filter((tick) => Number.isInteger(Math.log10(tick))) : ticks,
        format: ',~g',
      },
    },
  };
  return {
    ...PANEL,
    title: { text: title, anchor: 'start', color: 'var(--ink)', fontSize: 14, fontWeight: 600, offset: 14 },
    layer: [
      {
        data: { values: linear },
        mark: { type: 'line', strokeWidth: 9, stroke: 'var(--line)', strokeCap: 'round' },
        encoding,
      },
      ...lines.flatMap(({ values, colour, shape }) => [
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 2, stroke: colour, strokeJoin: 'round' },
          encoding,
        },
        {
          data: { values },
          mark: { type: 'point', filled: true, size: 60, opacity: 1, fill: colour, shape },
          encoding,
        },
      ]),
      ...labels.map(({ label, colour, x, y }) => ({
        data: { values: [{ x, y }] },
        mark: {
          type: 'text',
          text: label,
          align: 'left',
          baseline: 'middle',
          dx: 12,
          fontSize: 13,
          color: colour,
        },
        encoding,
      })),
    ],
  };
}

/** Time and memory of a step along one axis, side by side, on logarithmic scales; at least two points. */
export function drawScaling(
  name: AxisName,
  points: readonly ScalingPoint[],
  { objective, adapter }: { readonly objective: string; readonly adapter: string },
): Promise<string> {
  const [{ layers, width, context }] = points as [ScalingPoint];
  const fixed = name === 'context' ? `width ${width}` : `context ${context.toLocaleString('en-US')}`;
  return renderSvg({
    padding: 16,
    title: {
      text: `A training step against ${name}`,
      subtitle: [`${objectiveTitle(objective)}, ${layers} layers, ${fixed}, ${loadOf(points)}`, adapter],
      anchor: 'start',
      frame: 'bounds',
      color: 'var(--ink)',
      subtitleColor: 'var(--soft)',
      fontSize: 17,
      fontWeight: 600,
      subtitleFontSize: 13,
      subtitlePadding: 6,
      offset: 18,
    },
    spacing: 28,
    hconcat: [time, memory[name]].map((each) => panel(each, name, points)),
  });
}
