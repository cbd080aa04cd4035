import type { BudgetSummary, VariantSummary } from '../comparison/loss-summary.js';
import { hasWidth } from '../statistics.js';
import { isDrawable, linearAxis, lossAxis } from './axis.js';
import type { Look } from './palette.js';
import { type Drawing, MOST_LINES, type Spent } from './plots.js';
import { rowNames } from './rows.js';
import type { RunLog } from './run-logs.js';
import { SIZES, type Size } from './sizes.js';

/** How the variants of a study are drawn, and what they are called. */
export interface VariantLooks {
  readonly looks: ReadonlyMap<string, Look>;
  readonly titles: ReadonlyMap<string, string>;
}

/** A drawing, and the variants that are in it. */
export interface LossPlot {
  readonly specOf: (size: Size) => object;
  readonly drawn: readonly string[];
}

/** What to draw, or nothing. */
export type Plot = LossPlot | undefined;

const plot = (specOf: NonNullable<Drawing>, values: readonly { readonly variant: string }[]): Plot => {
  const drawn = [...new Set(values.map(({ variant }) => variant))];
  return drawn.length === 0 ? undefined : { specOf, drawn };
};

/** Colours or shapes by variant, without a key: that stands beside the drawing. */
const lookScale = ({ looks }: VariantLooks, pick: (look: Look) => string) => ({
  field: 'variant',
  type: 'nominal',
  scale: { domain: [...looks.keys()], range: [...looks.values()].map(pick) },
  legend: null,
});
const colourOf = (looks: VariantLooks) => lookScale(looks, ({ colour }) => colour);
const shapeOf = (looks: VariantLooks) => lookScale(looks, ({ shape }) => shape);

/** Room for the ticks of losses. */
const LEFT = 48;

/** The next-token loss of each variant less that of the first, with its interval over seeds. */
export function differencePlot({ variants }: BudgetSummary, looks: VariantLooks): Plot {
  const values = variants.flatMap(({ variant, title, difference }) =>
    difference === null || ![difference.mean, difference.low, difference.high].every(isDrawable)
      ? []
      : [{ variant, title, ...difference }],
  );
  const first = variants[0]?.title ?? '';
  const specOf = (size: Size): object => {
    const { total, ticks } = SIZES[size];
    const names = rowNames(values, size, { height: 34, above: 12 });
    const width = total - names.left - 12;
    const height = names.height * values.length;
    const x = {
      type: 'quantitative',
      ...linearAxis(
        values.flatMap(({ mean, low, high }) => [mean, low, high]),
        {
          kind: 'difference',
          pixels: width,
          pieces: ticks - 1,
          title: `test loss less that of ${first}`,
          reach: [0],
        },
      ),
    };
    const { y, below } = names;
    return {
      width,
      height,
      layer: [
        {
          data: { values: [{ zero: 0 }] },
          mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, stroke: 'var(--soft)' },
          encoding: { x: { ...x, field: 'zero' }, y: { value: 0 }, y2: { value: height } },
        },
        {
          data: { values: values.filter(hasWidth) },
          mark: { type: 'rule', strokeWidth: 2.5, opacity: 0.5, yOffset: below },
          encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color: colourOf(looks) },
        },
        {
          data: { values },
          mark: { type: 'point', filled: true, size: 80, opacity: 1, yOffset: below },
          encoding: { x: { ...x, field: 'mean' }, y, color: colourOf(looks), shape: shapeOf(looks) },
        },
        ...names.layers(width),
      ],
    };
  };
  return plot(specOf, values);
}

interface OffsetPoint {
  readonly variant: string;
  readonly offset: number;
  readonly value: number;
}

/** Lines with marks against the distance to the target, whose axis has a place for each distance that occurs. */
function againstOffset(
  values: readonly OffsetPoint[],
  looks: VariantLooks,
  title: string,
  axisOf: (pixels: number, pieces: number) => object,
): Plot {
  const specOf = (size: Size): object => {
    const { total, height, ticks } = SIZES[size];
    const encoding = {
      x: {
        field: 'offset',
        type: 'ordinal',
        axis: { title, labelAngle: 0, grid: false, labelOverlap: true },
      },
      y: { field: 'value', type: 'quantitative', ...axisOf(height, ticks) },
      color: colourOf(looks),
    };
    return {
      width: total - LEFT,
      height,
      data: { values },
      layer: [
        { mark: { type: 'line', strokeWidth: 1.8, opacity: 0.8 }, encoding },
        {
          mark: { type: 'point', filled: true, size: 70, opacity: 1 },
          encoding: { ...encoding, shape: shapeOf(looks) },
        },
      ],
    };
  };
  return plot(specOf, values);
}

const pointsOf = (
  variants: readonly VariantSummary[],
  of: (variant: VariantSummary) => readonly Omit<OffsetPoint, 'variant'>[],
): OffsetPoint[] =>
  variants.flatMap((each) =>
    of(each)
      .filter(({ value }) => isDrawable(value))
      .map((point) => ({ variant: each.variant, ...point })),
  );

/** The loss of every distance that a variant predicts, means over seeds. */
export function offsetPlot({ variants }: BudgetSummary, looks: VariantLooks): Plot {
  const values = pointsOf(variants, ({ offsets }) =>
    offsets.map(({ offset, loss }) => ({ offset, value: loss.mean })),
  );
  const losses = values.map(({ value }) => value);
  return againstOffset(values, looks, 'distance to the target, in tokens', (pixels, pieces) =>
    linearAxis(losses, { kind: 'number', pixels, pieces }),
  );
}

/** The share of drafts at each distance that the model accepts, over all seeds. */
export function draftPlot({ variants }: BudgetSummary, looks: VariantLooks): Plot {
  const values = pointsOf(variants, ({ drafts }) =>
    drafts.map(({ offset, acceptanceRate }) => ({ offset, value: acceptanceRate })),
  );
  const shares = values.map(({ value }) => value);
  return againstOffset(values, looks, 'distance of the draft, in tokens', (pixels, pieces) =>
    linearAxis(shares, { kind: 'share', pixels, pieces, reach: [0] }),
  );
}

/** The validation loss against what was spent, a line for each run. */
export function validationPlot(
  logs: readonly RunLog[],
  spent: Exclude<Spent, 'seconds'>,
  looks: VariantLooks,
): Plot {
  const values = logs.slice(0, MOST_LINES).flatMap(({ objective, seed, evaluations }) =>
    evaluations.flatMap((event) => {
      const [x, loss] = [event[spent], event.validationLoss];
      return isDrawable(x) && isDrawable(loss)
        ? [{ variant: objective, run: `${objective} ${seed}`, x, loss }]
        : [];
    }),
  );
  const specOf = (size: Size): object => {
    const { total, height, ticks } = SIZES[size];
    const width = total - LEFT;
    const title = spent === 'step' ? 'training steps' : 'training FLOPs';
    const encoding = {
      x: {
        field: 'x',
        type: 'quantitative',
        ...linearAxis(
          values.map(({ x }) => x),
          {
            kind: 'count',
            pixels: width,
            pieces: ticks,
            title,
            grid: false,
            reach: [0],
            whole: spent === 'step',
          },
        ),
      },
      y: {
        field: 'loss',
        type: 'quantitative',
        ...lossAxis(
          values.map(({ loss }) => loss),
          { pixels: height, pieces: ticks },
        ),
      },
      color: colourOf(looks),
      detail: { field: 'run' },
    };
    return {
      width,
      height,
      data: { values },
      layer: [
        { mark: { type: 'line', strokeWidth: 1.6, opacity: 0.8 }, encoding },
        {
          mark: { type: 'point', filled: true, size: 36, opacity: 0.9 },
          encoding: { ...encoding, shape: shapeOf(looks) },
        },
      ],
    };
  };
  return plot(specOf, values);
}
