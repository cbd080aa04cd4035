import type { BudgetSummary, VariantSummary } from '../comparison/loss-summary.js';
import type { Look } from './palette.js';
import { shortNumber } from './plots.js';
import type { RunLog } from './run-logs.js';

/** How the variants of a study are drawn, and what they are called. */
export interface VariantLooks {
  readonly looks: ReadonlyMap<string, Look>;
  readonly titles: ReadonlyMap<string, string>;
}

const SIZE = { width: 330, height: 230 } as const;

/** Colours or shapes by title; `key` draws what they mean. */
const lookScale = ({ looks, titles }: VariantLooks, pick: (look: Look) => string, key: boolean) => ({
  field: 'title',
  type: 'nominal',
  sort: null,
  scale: { domain: [...looks.keys()].map((name) => titles.get(name)), range: [...looks.values()].map(pick) },
  legend: key
    ? {
        title: null,
        orient: 'bottom',
        columns: 3,
        labelColor: 'var(--ink)',
        labelFontSize: 13,
        labelLimit: 300,
        symbolSize: 90,
      }
    : null,
});

const marks = (looks: VariantLooks, key: boolean) => ({
  color: lookScale(looks, ({ colour }) => colour, key),
  shape: lookScale(looks, ({ shape }) => shape, key),
});

const offsetAxis = (title: string) => ({
  field: 'offset',
  type: 'ordinal',
  axis: { title, labelAngle: 0, grid: false },
});

/** A drawing of Vega-Lite, or nothing to draw. */
export type Spec = object | undefined;

/** The next-token loss of each variant less that of the first, with its interval over seeds. */
export function differencePlot({ variants }: BudgetSummary, looks: VariantLooks): Spec {
  const values = variants.flatMap(({ title, difference }) =>
    difference === null ? [] : [{ title, ...difference }],
  );
  if (values.length === 0) return undefined;
  const first = variants[0]?.title ?? '';
  const y = {
    field: 'title',
    type: 'nominal',
    sort: null,
    axis: { title: null, domain: false, ticks: false, labelPadding: 10, labelLimit: 260 },
  };
  const colour = lookScale(looks, ({ colour: each }) => each, false);
  const axis = { title: `test loss less that of ${first}`, format: '+.3~f', tickCount: 5 };
  return {
    width: SIZE.width,
    height: 150,
    encoding: { y },
    layer: [
      {
        data: { values: [{ zero: 0 }] },
        mark: { type: 'rule', strokeDash: [5, 4], stroke: 'var(--soft)' },
        encoding: { x: { field: 'zero', type: 'quantitative', axis }, y: { value: 0 }, y2: { value: 150 } },
      },
      {
        data: { values },
        mark: { type: 'rule', strokeWidth: 2.5, opacity: 0.5 },
        encoding: {
          x: { field: 'low', type: 'quantitative', axis },
          x2: { field: 'high' },
          color: colour,
        },
      },
      {
        data: { values },
        mark: { type: 'point', filled: true, size: 80, opacity: 1 },
        encoding: {
          x: { field: 'mean', type: 'quantitative', axis },
          color: colour,
          shape: lookScale(looks, ({ shape }) => shape, false),
        },
      },
    ],
  };
}

interface OffsetPoint {
  readonly offset: number;
  readonly value: number;
}

function againstOffset(
  variants: readonly VariantSummary[],
  pointsOf: (variant: VariantSummary) => readonly OffsetPoint[],
  { x, y }: { readonly x: string; readonly y: object },
  { looks, key }: { readonly looks: VariantLooks; readonly key: boolean },
): Spec {
  const values = variants.flatMap((variant) =>
    pointsOf(variant).map((point) => ({ title: variant.title, ...point })),
  );
  if (values.length === 0) return undefined;
  return {
    ...SIZE,
    data: { values },
    encoding: { x: offsetAxis(x), y: { field: 'value', type: 'quantitative', ...y } },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.8, opacity: 0.8 },
        encoding: { color: lookScale(looks, ({ colour }) => colour, key) },
      },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: marks(looks, key) },
    ],
  };
}

/** The loss of every distance that a variant predicts, means over seeds. */
export const offsetPlot = ({ variants }: BudgetSummary, looks: VariantLooks, key = false): Spec =>
  againstOffset(
    variants,
    ({ offsets }) => offsets.map(({ offset, loss }) => ({ offset, value: loss.mean })),
    {
      x: 'distance to the target, in tokens',
      y: { scale: { zero: false }, axis: { title: 'test loss', tickCount: 5 } },
    },
    { looks, key },
  );

/** The share of drafts at each distance that the model accepts, over all seeds. */
export const draftPlot = ({ variants }: BudgetSummary, looks: VariantLooks, key = false): Spec =>
  againstOffset(
    variants,
    ({ drafts }) => drafts.map(({ offset, acceptanceRate }) => ({ offset, value: acceptanceRate })),
    {
      x: 'distance of the draft, in tokens',
      y: { scale: { domainMin: 0 }, axis: { title: 'drafts accepted', format: '.0%', tickCount: 5 } },
    },
    { looks, key },
  );

/** The validation loss against what was spent, a line for each run. */
export function validationPlot(
  logs: readonly RunLog[],
  spent: 'step' | 'flops',
  looks: VariantLooks,
  key = false,
): Spec {
  const values = logs.flatMap(({ objective, seed, evaluations }) =>
    evaluations.flatMap((event) =>
      event.validationLoss === undefined
        ? []
        : [
            {
              title: looks.titles.get(objective),
              run: `${objective} ${seed}`,
              x: event[spent],
              loss: event.validationLoss,
            },
          ],
    ),
  );
  if (values.length === 0) return undefined;
  return {
    ...SIZE,
    data: { values },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        axis: {
          title: spent === 'step' ? 'training steps' : 'training FLOPs',
          labelExpr: shortNumber,
          tickCount: 5,
          grid: false,
        },
      },
      y: {
        field: 'loss',
        type: 'quantitative',
        scale: { zero: false },
        axis: { title: 'validation loss', tickCount: 5 },
      },
      detail: { field: 'run' },
    },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.6, opacity: 0.8 },
        encoding: { color: lookScale(looks, ({ colour }) => colour, key) },
      },
      { mark: { type: 'point', filled: true, size: 36, opacity: 0.9 }, encoding: marks(looks, key) },
    ],
  };
}
