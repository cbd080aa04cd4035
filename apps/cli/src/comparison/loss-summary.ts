import type { LossMeasures, OffsetLoss, Study } from '@foretoken/train';
import { formatCount, formatFixed, formatTable, NO_FIGURE } from '../format.js';
import { type Interval, intervalText, meanInterval, meanOf, median } from '../statistics.js';
import type { FinishedRun, FinishedStudy } from './kind.js';

/** The loss at one distance to the target. */
export interface OffsetSummary {
  readonly offset: number;
  readonly loss: Interval;
}

/** What became of the drafts for one distance, over all seeds. */
export interface DraftSummary {
  readonly offset: number;
  readonly drafted: number;
  readonly accepted: number;
  /** Share of all drafts for this distance that were accepted. */
  readonly acceptanceRate: number;
}

/** A variant on some data with some budget. */
export interface VariantSummary {
  readonly variant: string;
  readonly title: string;
  readonly objective: string;
  readonly seeds: readonly number[];
  /** Next-token loss of each seed, in their order, and over them. */
  readonly testLosses: readonly number[];
  readonly testLoss: Interval;
  /** Less that of the first variant with the same seed; null of the first itself. */
  readonly difference: Interval | null;
  /** Empty where the objective predicts the next token alone. */
  readonly offsets: readonly OffsetSummary[];
  readonly drafts: readonly DraftSummary[];
  /** New tokens of a pass of the model with drafts; null without. */
  readonly tokensPerPass: number | null;
  /** Share of greedy text that repeats itself, a mean over seeds; null where it was not measured. */
  readonly repetition: number | null;
  readonly trainedParameters: number;
  /** Of the objective, registers or heads: not part of the model that comes out. */
  readonly extraParameters: number;
  readonly steps: number;
  readonly flops: number;
  /** Median over seeds of the mean seconds of a step. */
  readonly stepSeconds: number;
  readonly tokensPerSecond: number;
}

export interface BudgetSummary<Variant extends VariantSummary = VariantSummary> {
  readonly budget: Study['budgets'][number];
  readonly variants: readonly Variant[];
}

export interface DatasetSummary<Variant extends VariantSummary = VariantSummary> {
  readonly dataset: string;
  readonly title: string;
  /** Next-token loss on the test split before training. */
  readonly startLoss: number | null;
  readonly budgets: readonly BudgetSummary<Variant>[];
}

/** The `summary.json` of a study whose runs are compared by losses. */
export interface LossStudySummary<Variant extends VariantSummary = VariantSummary> {
  readonly study: Study;
  readonly command: string;
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly versions: Readonly<Record<string, string>>;
  readonly datasets: readonly DatasetSummary<Variant>[];
}

const measuresOf = ({ measured }: FinishedRun): LossMeasures | undefined =>
  measured as LossMeasures | undefined;

/** Summarizes the runs of a study that have ended and been measured. */
export function summarizeLosses({ study, runs, starts, command }: FinishedStudy): LossStudySummary {
  const measured = runs.filter((run) => measuresOf(run) !== undefined);
  const { adapter, versions } = (measured[0] as FinishedRun).record;
  const datasets = study.datasets.map(({ name, title }): DatasetSummary => {
    const own = measured.filter(({ run }) => run.dataset === name);
    const budgets = study.budgets.map((budget): BudgetSummary => {
      const within = own.filter(({ run }) => run.budgets.includes(budget));
      return { budget, variants: summarizeVariants(study, within) };
    });
    const start = starts.get(name);
    return { dataset: name, title, startLoss: typeof start === 'number' ? start : null, budgets };
  });
  return { study, command, adapter, versions, datasets };
}

function summarizeVariants(study: Study, runs: readonly FinishedRun[]): VariantSummary[] {
  const ofVariant = (name: string): FinishedRun[] => runs.filter(({ run }) => run.variant === name);
  const [first] = study.variants;
  const base = first === undefined ? [] : ofVariant(first.name);
  return study.variants.flatMap(({ name, title, objective }): VariantSummary[] => {
    const own = ofVariant(name);
    if (own.length === 0) return [];
    const losses = own.map((run) => testLossOf(run));
    const differences = own.flatMap((run) => {
      const other = base.find(({ run: { seed } }) => seed === run.run.seed);
      return other === undefined || name === first?.name ? [] : [testLossOf(run) - testLossOf(other)];
    });
    const reports = own.flatMap((run) => measuresOf(run)?.drafts ?? []);
    const passes = sum(reports.map((report) => report.passes));
    const summaries = own.map(({ summary }) => summary);
    const rates = summaries.map(({ tokensPerSecond }) => tokensPerSecond);
    const [any] = summaries as [(typeof summaries)[0]];
    return [
      {
        variant: name,
        title,
        objective,
        seeds: own.map(({ run }) => run.seed),
        testLosses: losses,
        testLoss: meanInterval(losses),
        difference: differences.length === 0 ? null : meanInterval(differences),
        offsets: offsetsOf(own),
        drafts: draftsOf(own),
        tokensPerPass: passes === 0 ? null : sum(reports.map((report) => report.tokens)) / passes,
        repetition: meanOrNull(own.map((run) => measuresOf(run)?.repetition ?? null)),
        trainedParameters: any.parameters,
        extraParameters: any.extraParameters,
        steps: any.steps,
        flops: meanOf(summaries.map(({ flops }) => flops)),
        stepSeconds: median(summaries.map((run) => run.tokens / run.tokensPerSecond / run.steps)),
        tokensPerSecond: median(rates),
      },
    ];
  });
}

const testLossOf = (run: FinishedRun): number => measuresOf(run)?.testLoss ?? Number.NaN;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const meanOrNull = (values: readonly (number | null)[]): number | null => {
  const found = values.filter((value) => value !== null);
  return found.length < values.length ? null : meanOf(found);
};

function offsetsOf(runs: readonly FinishedRun[]): OffsetSummary[] {
  const all = runs.map((run) => measuresOf(run)?.offsets ?? []);
  return (all[0] ?? []).map(({ offset }) => ({
    offset,
    loss: meanInterval(
      all.flatMap((found: readonly OffsetLoss[]) =>
        found.filter((each) => each.offset === offset).map(({ loss }) => loss),
      ),
    ),
  }));
}

function draftsOf(runs: readonly FinishedRun[]): DraftSummary[] {
  const all = runs.flatMap((run) => measuresOf(run)?.drafts?.offsets ?? []);
  return [...new Set(all.map(({ offset }) => offset))].map((offset) => {
    const own = all.filter((each) => each.offset === offset);
    const [drafted, accepted] = [sum(own.map((each) => each.drafted)), sum(own.map((each) => each.accepted))];
    return { offset, drafted, accepted, acceptanceRate: drafted === 0 ? 0 : accepted / drafted };
  });
}

/** Budgets as people read them. */
export const budgetTitle = (budget: Study['budgets'][number]): string =>
  budget === 'steps' ? 'equal steps' : 'equal FLOPs';

const loss = (value: number): string => formatFixed(value, 3);
const signed = (value: number): string =>
  Number.isFinite(value) ? `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}` : NO_FIGURE;

/** `2.701 [2.690, 2.712]` */
export const lossText = (interval: Interval, seeds: number): string => intervalText(interval, seeds, loss);

/** `−0.012 [−0.020, −0.004]` */
export const differenceText = (interval: Interval, seeds: number): string =>
  intervalText(interval, seeds, signed);

/** The time of a step as a multiple of that of the first variant. */
export const relativeTime = (variants: readonly VariantSummary[], { stepSeconds }: VariantSummary): number =>
  stepSeconds / (variants[0]?.stepSeconds ?? stepSeconds);

/** Distances beyond the next token that some variant of a study predicts. */
export const farOffsets = ({ datasets }: Pick<LossStudySummary, 'datasets'>): number[] => {
  const all = datasets.flatMap(({ budgets }) =>
    budgets.flatMap(({ variants }) => variants.flatMap(({ offsets }) => offsets.map(({ offset }) => offset))),
  );
  return [...new Set(all)].filter((offset) => offset > 1).sort((a, b) => a - b);
};

const percent = (share: number): string => `${Math.round(100 * share)}`;

/** A column of a table of variants. */
export interface Column<Variant extends VariantSummary = VariantSummary> {
  readonly title: string;
  /** Empty where the variant has no such figure; a column of nothing else is left out. */
  readonly cell: (variant: Variant, among: readonly Variant[]) => string;
}

/** Offsets that a table of variants has columns for, at most; where there are more they have a table of their own. */
export const MOST_OFFSET_COLUMNS = 4;

/** The figures of every kind of losses. */
function lossColumns({ study, ...summary }: LossStudySummary): Column[] {
  const interval = study.seeds.length > 1 ? ' [95%]' : '';
  const first = study.variants[0]?.title ?? '';
  const offsets = farOffsets(summary);
  return [
    { title: `test loss${interval}`, cell: ({ testLoss, seeds }) => lossText(testLoss, seeds.length) },
    {
      title: `less ${first}${interval}`,
      cell: ({ difference, seeds }) => (difference === null ? '' : differenceText(difference, seeds.length)),
    },
    ...(offsets.length > MOST_OFFSET_COLUMNS ? [] : offsets).map(
      (offset): Column => ({
        title: `offset ${offset}`,
        cell: (variant) => {
          const found = variant.offsets.find((one) => one.offset === offset);
          return found === undefined ? '' : loss(found.loss.mean);
        },
      }),
    ),
    {
      title: 'accepted %',
      cell: ({ drafts }) => drafts.map(({ acceptanceRate }) => percent(acceptanceRate)).join('/'),
    },
    { title: 'tokens/pass', cell: ({ tokensPerPass }) => tokensPerPass?.toFixed(2) ?? '' },
    {
      title: 'repeated %',
      cell: ({ repetition }) => (repetition === null ? '' : percent(repetition)),
    },
  ];
}

const costColumns: readonly Column[] = [
  { title: 'extra params', cell: ({ extraParameters }) => extraParameters.toLocaleString('en') },
  { title: 'steps', cell: ({ steps }) => String(steps) },
  { title: 'FLOPs', cell: ({ flops }) => formatCount(flops) },
  { title: 'step time', cell: (variant, among) => `${formatFixed(relativeTime(among, variant), 2)}x` },
];

/**
 * One table for each data set and budget.
 *
 * @param more - figures of this kind of task, between losses and costs
 */
export function lossTable<Variant extends VariantSummary>(
  summary: LossStudySummary<Variant>,
  more: readonly Column<Variant>[] = [],
): string {
  const all: readonly Column<Variant>[] = [...lossColumns(summary), ...more, ...costColumns];
  const tables = summary.datasets.flatMap(({ title, startLoss, budgets }) =>
    budgets.flatMap(({ budget, variants }) => {
      if (variants.length === 0) return [];
      const start = startLoss === null ? '' : `; ${loss(startLoss)} before training`;
      const columns = all.filter(({ cell }) => variants.some((each) => cell(each, variants) !== ''));
      const rows = variants.map((each) => [each.title, ...columns.map(({ cell }) => cell(each, variants))]);
      const header = ['variant', ...columns.map((column) => column.title)];
      return `${title === '' ? summary.study.title : title}, ${budgetTitle(budget)}${start}\n${formatTable(header, rows)}`;
    }),
  );
  return tables.join('\n\n');
}
