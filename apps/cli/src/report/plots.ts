import { formatShare } from '../format.js';
import { objectiveTitle } from '../summary.js';
import { Markup } from './escape.js';
import type { Look } from './palette.js';
import { renderSvg } from './render.js';
import type { RunLog } from './run-logs.js';

type Looks = ReadonlyMap<string, Look>;

/** Renders a drawing for a page, inside of which the namespace goes without saying. */
export const draw = async (spec: object): Promise<Markup> =>
  new Markup((await renderSvg(spec)).replace(/ xmlns(:xlink)?="[^"]*"/g, ''));

// Each label takes its own unit (500, 1k), where a format for the axis would give all the same (0.5k).
export const shortNumber = "format(datum.value, '~s')";

const shareScale = { domain: [0, 1] } as const;
const shareAxis = (title: string) => ({ title, format: '.0%', tickCount: 5 });

/** Colours and shapes by objective, without a key: the page draws one for all plots. */
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

const CURVE = { width: 380, height: 240 } as const;

/** A dashed line across at the level of chance, named at its right end. */
const chanceRule = (chance: number): object[] => [
  {
    data: { values: [{ chance }] },
    mark: { type: 'rule', strokeDash: [5, 4], stroke: 'var(--soft)' },
    encoding: { y: { field: 'chance', type: 'quantitative' } },
  },
  {
    data: { values: [{ chance, label: ['chance', formatShare(chance).replace('.0%', '%')] }] },
    mark: {
      type: 'text',
      align: 'left',
      baseline: 'middle',
      dx: 12,
      fontSize: 13,
      lineHeight: 15,
      color: 'var(--soft)',
    },
    encoding: {
      x: { value: CURVE.width },
      y: { field: 'chance', type: 'quantitative' },
      text: { field: 'label' },
    },
  },
];

/**
 * Exact match on the held-out questions against what was spent, a line for each run and a mark where it ended.
 *
 * @returns undefined when no run has logged an evaluation
 */
export async function matchCurve(
  logs: readonly RunLog[],
  spent: Spent,
  chance: number,
  looks: Looks,
): Promise<Markup | undefined> {
  const values = logs.flatMap(({ objective, seed, evaluations }) =>
    evaluations.map((event, place) => ({
      objective,
      run: `${objective} ${seed}`,
      x: event[spent],
      exactMatch: event.scores['exactMatch'] ?? null,
      last: place === evaluations.length - 1,
    })),
  );
  if (values.length === 0) return undefined;
  return draw({
    ...CURVE,
    data: { values },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        scale: { zero: true },
        axis: { title: SPENT_TITLES[spent], labelExpr: shortNumber, tickCount: 5, grid: false },
      },
      y: { field: 'exactMatch', type: 'quantitative', scale: shareScale, axis: shareAxis('exact match') },
    },
    layer: [
      ...chanceRule(chance),
      {
        mark: { type: 'line', strokeWidth: 1.8, strokeJoin: 'round', opacity: 0.9 },
        encoding: { color: colourOf(looks), detail: { field: 'run' } },
      },
      {
        transform: [{ filter: 'datum.last' }],
        mark: { type: 'point', filled: true, size: 70, opacity: 1 },
        encoding: { color: colourOf(looks), shape: shapeOf(looks) },
      },
    ],
  });
}

/** The final exact match of every seed; with several seeds, also their mean and its 95% interval. */
export function spreadPlot(
  objectives: readonly {
    readonly objective: string;
    readonly exactMatch: { readonly mean: number; readonly low: number; readonly high: number };
    readonly seeds: readonly { readonly seed: number; readonly exactMatch: number }[];
  }[],
  chance: number,
  looks: Looks,
): Promise<Markup> {
  const titled = (name: string) => ({ objective: name, title: objectiveTitle(name) });
  const seeds = objectives.flatMap((each) =>
    each.seeds.map((seed) => ({ ...titled(each.objective), ...seed })),
  );
  const means = objectives
    .filter((each) => each.seeds.length > 1)
    .map(({ objective, exactMatch }) => ({ ...titled(objective), ...exactMatch }));
  const y = {
    field: 'title',
    type: 'nominal',
    sort: null,
    axis: { title: null, domain: false, ticks: false, labelPadding: 10 },
  };
  const x = {
    type: 'quantitative',
    scale: shareScale,
    axis: { ...shareAxis('exact match on fresh questions'), grid: true },
  };
  return draw({
    width: 340,
    height: CURVE.height,
    encoding: { y },
    layer: [
      {
        data: { values: [{ chance }] },
        mark: { type: 'rule', strokeDash: [5, 4], stroke: 'var(--soft)' },
        encoding: { x: { field: 'chance', ...x }, y: { value: 0 }, y2: { value: CURVE.height } },
      },
      {
        data: { values: [{ chance, label: `chance ${formatShare(chance).replace('.0%', '%')}` }] },
        mark: { type: 'text', baseline: 'bottom', dy: -4, fontSize: 13, color: 'var(--soft)' },
        encoding: { x: { field: 'chance', ...x }, y: { value: 0 }, text: { field: 'label' } },
      },
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.45, yOffset: 14 },
        encoding: { x: { field: 'low', ...x }, x2: { field: 'high' }, color: colourOf(looks) },
      },
      {
        data: { values: means },
        mark: { type: 'tick', thickness: 2.5, size: 14, yOffset: 14 },
        encoding: { x: { field: 'mean', ...x }, color: colourOf(looks) },
      },
      {
        data: { values: seeds },
        mark: { type: 'point', filled: true, size: 70, opacity: 0.85 },
        encoding: { x: { field: 'exactMatch', ...x }, color: colourOf(looks), shape: shapeOf(looks) },
      },
    ],
  });
}

/** The dash of the first, second, ... part of a loss. */
export const PART_DASHES: readonly string[] = ['', '6 3', '2 3', '8 3 2 3', '12 4', '1 5'];

/** Names of the parts of an objective's loss, in the order in which runs logged them. */
export const partsOf = (logs: readonly RunLog[], objective: string): string[] => [
  ...new Set(
    logs.flatMap((log) =>
      log.objective === objective ? log.metrics.flatMap(({ parts }) => Object.keys(parts)) : [],
    ),
  ),
];

/**
 * The parts of the loss of one objective against steps, on axes that all objectives share.
 *
 * @returns undefined when its runs have logged no loss
 */
export async function lossPlot(
  logs: readonly RunLog[],
  objective: string,
  { colour }: Look,
): Promise<Markup | undefined> {
  const points = (log: RunLog) =>
    log.metrics.flatMap(({ step, parts }) =>
      // A logarithmic axis has no place for zero.
      Object.entries(parts).flatMap(([part, loss]) =>
        loss > 0 ? [{ run: `${part} ${log.seed}`, part, step, loss }] : [],
      ),
    );
  const values = logs.filter((log) => log.objective === objective).flatMap(points);
  if (values.length === 0) return undefined;
  const all = logs.flatMap(points);
  const parts = partsOf(logs, objective);
  const lowest = all.reduce((least, { loss }) => Math.min(least, loss), Infinity);
  const highest = all.reduce((most, { loss }) => Math.max(most, loss), 0);
  return draw({
    width: 190,
    height: 150,
    data: { values },
    mark: { type: 'line', strokeWidth: 1.5, stroke: colour, opacity: 0.9 },
    encoding: {
      x: {
        field: 'step',
        type: 'quantitative',
        scale: { domain: [0, all.reduce((most, { step }) => Math.max(most, step), 0)], nice: false },
        axis: { title: 'steps', tickCount: 4, labelExpr: shortNumber, grid: false },
      },
      y: {
        field: 'loss',
        type: 'quantitative',
        scale: { type: 'log', domain: [lowest, highest], nice: true },
        axis: { title: null, tickCount: 4, format: '~g' },
      },
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
  });
}
