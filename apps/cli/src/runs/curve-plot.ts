import { isDrawable, linearAxis } from '../report/axis.js';
import { type Look, looksOf } from '../report/palette.js';
import type { Curve, CurvePoint, Spent } from './curves.js';

const TITLES: Readonly<Record<Spent, string>> = {
  step: 'training steps',
  tokens: 'training tokens',
  flops: 'training FLOPs',
  seconds: 'seconds, evaluations included',
};

const SIZE = { width: 560, height: 320 } as const;

/** Points of a line; more than a screen has columns show nothing more. */
const MOST_POINTS = 1000;
/** Lines with marks at their points; with more, marks hide the lines. */
const MOST_MARKS = 60;

function thinned(points: readonly CurvePoint[]): readonly CurvePoint[] {
  if (points.length <= MOST_POINTS) return points;
  const every = points.length / MOST_POINTS;
  return Array.from(
    { length: MOST_POINTS },
    (_, at) => points[Math.floor((at + 1) * every) - 1] as CurvePoint,
  );
}

/** A metric as people write it: `validationLoss` as "validation loss". */
export const metricTitle = (name: string): string =>
  name.replace(/^parts\./, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export interface CurvePlotOptions {
  readonly metric: string;
  readonly spent: Spent;
  /** Of each curve, for the key. */
  readonly names: readonly string[];
}

/** A drawing of Vega-Lite: a line for each run, with a key below. */
export function curvePlot(curves: readonly Curve[], { metric, spent, names }: CurvePlotOptions): object {
  const looks = looksOf(names);
  const values = curves.flatMap(({ points }, at) =>
    thinned(points)
      .filter(({ x, y }) => isDrawable(x) && isDrawable(y))
      .map((point) => ({ run: names[at], ...point })),
  );
  const pick = (of: (look: Look) => string) => ({
    field: 'run',
    type: 'nominal',
    sort: null,
    scale: { domain: names, range: names.map((name) => of(looks.get(name) as Look)) },
    legend: {
      title: null,
      orient: 'bottom',
      columns: names.some(({ length }) => length > 24) ? 1 : 3,
      labelColor: 'var(--ink)',
      labelFontSize: 13,
      labelLimit: SIZE.width,
      symbolSize: 90,
    },
  });
  const axis = (of: (point: CurvePoint) => number, title: string, pixels: number, kind: 'count' | 'number') =>
    linearAxis(values.map(of), { kind, pixels, pieces: 6, title, grid: kind === 'number', whole: false });
  const hasMarks = curves.every(({ points }) => points.length <= MOST_MARKS);
  return {
    ...SIZE,
    data: { values },
    encoding: {
      x: { field: 'x', type: 'quantitative', ...axis(({ x }) => x, TITLES[spent], SIZE.width, 'count') },
      y: {
        field: 'y',
        type: 'quantitative',
        ...axis(({ y }) => y, metricTitle(metric), SIZE.height, 'number'),
      },
      color: pick(({ colour }) => colour),
    },
    layer: [
      { mark: { type: 'line', strokeWidth: 1.8, opacity: 0.85 } },
      ...(hasMarks
        ? [
            {
              mark: { type: 'point', filled: true, size: 40, opacity: 1 },
              encoding: { shape: pick(({ shape }) => shape) },
            },
          ]
        : []),
    ],
  };
}
