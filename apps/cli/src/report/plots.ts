import { formatShare } from '../format.js';
import { hasWidth, type Interval } from '../statistics.js';
import { objectiveTitle } from '../summary.js';
import { isDrawable, linearAxis, lossAxis } from './axis.js';
import type { Look } from './palette.js';
import { rowNames } from './rows.js';
import type { RunLog } from './run-logs.js';
import { SIZES, type Size } from './sizes.js';

type Looks = ReadonlyMap<string, Look>;

/** A drawing of Vega-Lite by its size; undefined where there is nothing to draw. */
export type Drawing = ((size: Size) => object) | undefined;

/** Runs that one drawing shows, at most: more lines tell nobody more. */
export const MOST_LINES = 200;
/** Colours and shapes by objective, without a key: the page draws it. */
const lookScale = (looks: Looks, pick: (look: Look) => string) => ({
  field: 'objective',
  type: 'nominal',
  scale: { domain: [...looks.keys()], range: [...looks.values()].map(pick) },
  legend: null,
});
const colourOf = (looks: Looks) => lookScale(looks, ({ colour }) => colour);
const shapeOf = (looks: Looks) => lookScale(looks, ({ shape }) => shape);

/** What a run has spent: the x axis of a curve. */
export type Spent = 'step' | 'flops' | 'seconds';
const SPENT_TITLES: Readonly<Record<Spent, string>> = {
  step: 'training steps',
  flops: 'training FLOPs',
  seconds: 'seconds, evaluations included',
};

/** Room on the left for ticks, and on the right for what is written there. */
const LEFT = 44;
const RIGHT = 52;

const percent = (share: number): string => formatShare(share).replace('.0%', '%');

/** A dashed line across at the level of chance, named at its right end. It has nothing to do with the x of curves. */
const chanceRule = (chance: number, width: number, y: object): object[] => [
  {
    data: { values: [{ chance }] },
    mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, stroke: 'var(--soft)' },
    encoding: { x: { value: 0 }, x2: { value: width }, y: { ...y, field: 'chance' } },
  },
  {
    data: { values: [{ chance, label: ['chance', percent(chance)] }] },
    mark: {
      type: 'text',
      align: 'left',
      baseline: 'middle',
      dx: 8,
      fontSize: 13,
      lineHeight: 15,
      color: 'var(--soft)',
    },
    encoding: { x: { value: width }, y: { ...y, field: 'chance' }, text: { field: 'label' } },
  },
];

/**
 * Exact match on the held-out questions against what was spent, a line for each run and a mark where it ended.
 *
 * @returns undefined when no run has logged an evaluation
 */
export function matchCurve(logs: readonly RunLog[], spent: Spent, chance: number, looks: Looks): Drawing {
  const values = logs.slice(0, MOST_LINES).flatMap(({ objective, seed, evaluations }) => {
    const drawn = evaluations.flatMap((event) => {
      const [x, exactMatch] = [event[spent], event.scores['exactMatch']];
      return isDrawable(x) && isDrawable(exactMatch) ? [{ x, exactMatch }] : [];
    });
    return drawn.map((point, place, all) => ({
      objective,
      run: `${objective} ${seed}`,
      ...point,
      last: place === all.length - 1,
    }));
  });
  if (values.length === 0) return undefined;
  const xs = values.map(({ x }) => x);
  return (size) => {
    const { total, height, ticks } = SIZES[size];
    const width = total - LEFT - RIGHT;
    const x = {
      field: 'x',
      type: 'quantitative',
      ...linearAxis(xs, {
        kind: 'count',
        pixels: width,
        pieces: ticks,
        title: SPENT_TITLES[spent],
        grid: false,
        reach: [0],
        whole: spent === 'step',
      }),
    };
    const y = {
      type: 'quantitative',
      ...linearAxis([], { kind: 'share', pixels: height, reach: [0, 1] }),
    };
    return {
      width,
      height,
      layer: [
        ...chanceRule(chance, width, y),
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 1.8, strokeJoin: 'round', opacity: 0.9 },
          encoding: {
            x,
            y: { ...y, field: 'exactMatch' },
            color: colourOf(looks),
            detail: { field: 'run' },
          },
        },
        {
          data: { values: values.filter(({ last }) => last) },
          mark: { type: 'point', filled: true, size: 70, opacity: 1 },
          encoding: { x, y: { ...y, field: 'exactMatch' }, color: colourOf(looks), shape: shapeOf(looks) },
        },
      ],
    };
  };
}

/** The final exact match of every seed; with several seeds, also their mean and its 95% interval. */
export function spreadPlot(
  objectives: readonly {
    readonly objective: string;
    readonly exactMatch: Interval;
    readonly seeds: readonly { readonly seed: number; readonly exactMatch: number }[];
  }[],
  chance: number,
  looks: Looks,
): Drawing {
  const titled = (name: string) => ({ objective: name, title: objectiveTitle(name) });
  const seeds = objectives.flatMap((each) =>
    each.seeds.slice(0, MOST_LINES).map((seed) => ({ ...titled(each.objective), ...seed })),
  );
  const means = objectives
    .filter((each) => each.seeds.length > 1)
    .map(({ objective, exactMatch }) => ({ ...titled(objective), ...exactMatch }));
  return (size) => {
    const { total, ticks } = SIZES[size];
    const names = rowNames(seeds, size, { height: 50, above: 14 });
    const width = total - names.left - 16;
    const height = names.height * objectives.length;
    const { y, below } = names;
    const axis = { kind: 'share', pixels: width, pieces: ticks, reach: [0, 1] } as const;
    const x = {
      type: 'quantitative',
      ...linearAxis([], { ...axis, title: 'exact match on fresh questions' }),
    };
    return {
      width,
      height,
      layer: [
        {
          data: { values: [{ chance }] },
          mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, stroke: 'var(--soft)' },
          encoding: { x: { ...x, field: 'chance' }, y: { value: 0 }, y2: { value: height } },
        },
        {
          data: { values: [{ chance, label: `chance ${percent(chance)}` }] },
          mark: { type: 'text', baseline: 'bottom', dy: -4, fontSize: 13, color: 'var(--soft)' },
          encoding: { x: { ...x, field: 'chance' }, y: { value: 0 }, text: { field: 'label' } },
        },
        {
          data: { values: means.filter(hasWidth) },
          mark: { type: 'rule', strokeWidth: 2, opacity: 0.45, yOffset: 14 + below },
          encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color: colourOf(looks) },
        },
        {
          data: { values: means },
          mark: { type: 'tick', thickness: 2.5, size: 14, yOffset: 14 + below },
          encoding: { x: { ...x, field: 'mean' }, y, color: colourOf(looks) },
        },
        {
          data: { values: seeds },
          mark: { type: 'point', filled: true, size: 70, opacity: 0.85, yOffset: below },
          encoding: {
            x: { ...x, field: 'exactMatch' },
            y,
            color: colourOf(looks),
            shape: shapeOf(looks),
          },
        },
        ...names.layers(width),
      ],
    };
  };
}

/** The dash of the first, second, ... part of a loss. */
export const PART_DASHES: readonly string[] = ['', '6 3', '2 3', '8 3 2 3', '12 4', '1 5'];

/** A point of a line of the parts of a loss. */
const pointsOf = (log: RunLog) =>
  log.metrics.flatMap(({ step, parts }) =>
    Object.entries(parts).flatMap(([part, loss]) =>
      isDrawable(loss) && isDrawable(step) ? [{ run: `${part} ${log.seed}`, part, step, loss }] : [],
    ),
  );

/** Names of the parts of an objective's loss, in the order in which runs logged them. */
export const partsOf = (logs: readonly RunLog[], objective: string): string[] => [
  ...new Set(
    logs
      .filter((log) => log.objective === objective)
      .slice(0, MOST_LINES)
      .flatMap((log) => pointsOf(log).map(({ part }) => part)),
  ),
];

/**
 * The parts of the loss of one objective against steps, on axes that all objectives share.
 *
 * @returns undefined when its runs have logged no loss
 */
export function lossPlot(logs: readonly RunLog[], objective: string, { colour }: Look): Drawing {
  const drawn = logs.slice(0, MOST_LINES);
  const all = drawn.flatMap(pointsOf);
  const losses = all.map(({ loss }) => loss);
  const own = drawn.filter((log) => log.objective === objective).flatMap(pointsOf);
  if (own.length === 0) return undefined;
  const parts = partsOf(logs, objective);
  return (size) => {
    const { total, height, ticks } = SIZES[size];
    const width = total - LEFT;
    const y = lossAxis(losses, { pixels: height, pieces: ticks + 1 });
    // A logarithmic axis has no place for zero.
    const isLog = 'type' in y.scale;
    const steps = { kind: 'count', pixels: width, pieces: ticks, title: 'steps' } as const;
    return {
      width,
      height,
      data: { values: isLog ? own.filter(({ loss }) => loss > 0) : own },
      mark: { type: 'line', strokeWidth: 1.5, stroke: colour, opacity: 0.9 },
      encoding: {
        x: {
          field: 'step',
          type: 'quantitative',
          ...linearAxis(
            all.map(({ step }) => step),
            { ...steps, grid: false, reach: [0], whole: true },
          ),
        },
        y: { field: 'loss', type: 'quantitative', ...y },
        detail: { field: 'run' },
        strokeDash: {
          field: 'part',
          type: 'nominal',
          scale: {
            domain: parts,
            range: parts.map((_, place) =>
              (PART_DASHES[place % PART_DASHES.length] ?? '').split(' ').filter(Boolean).map(Number),
            ),
          },
          legend: null,
        },
      },
    };
  };
}
