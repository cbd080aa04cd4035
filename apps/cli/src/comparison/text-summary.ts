import type { OffsetLoss, Study, TextMeasures } from '@foretoken/train';
import { formatCount, formatTable } from '../format.js';
import { type Interval, meanInterval, meanOf, median } from '../statistics.js';
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

export interface BudgetSummary {
  readonly budget: Study['budgets'][number];
  readonly variants: readonly VariantSummary[];
}

export interface DatasetSummary {
  readonly dataset: string;
  readonly title: string;
  /** Next-token loss on the test text before training. */
  readonly startLoss: number | null;
  readonly budgets: readonly BudgetSummary[];
}

/** The `summary.json` of a study on running text. */
export interface TextStudySummary {
  readonly study: Study;
  readonly command: string;
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly versions: Readonly<Record<string, string>>;
  readonly datasets: readonly DatasetSummary[];
}

const measuresOf = ({ measured }: FinishedRun): TextMeasures | undefined =>
  measured as TextMeasures | undefined;

/** Summarizes the runs of a study that have ended and been measured. */
export function summarizeText({ study, runs, starts, command }: FinishedStudy): TextStudySummary {
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

const loss = (value: number): string => value.toFixed(3);
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

/** `2.701 [2.690, 2.712]` */
export const lossText = ({ mean, low, high }: Interval, seeds: number): string =>
  seeds > 1 ? `${loss(mean)} [${loss(low)}, ${loss(high)}]` : loss(mean);

/** `−0.012 [−0.020, −0.004]` */
export const differenceText = ({ mean, low, high }: Interval, seeds: number): string =>
  seeds > 1 ? `${signed(mean)} [${signed(low)}, ${signed(high)}]` : signed(mean);

/** The time of a step as a multiple of that of the first variant. */
export const relativeTime = (variants: readonly VariantSummary[], { stepSeconds }: VariantSummary): number =>
  stepSeconds / (variants[0]?.stepSeconds ?? stepSeconds);

/** Distances beyond the next token that some variant of a study predicts. */
export const farOffsets = ({ datasets }: TextStudySummary): number[] => {
  const all = datasets.flatMap(({ budgets }) =>
    budgets.flatMap(({ variants }) => variants.flatMap(({ offsets }) => offsets.map(({ offset }) => offset))),
  );
  return [...new Set(all)].filter((offset) => offset > 1).sort((a, b) => a - b);
};

const percent = (share: number): string => `${Math.round(100 * share)}`;

/** One table for each data set and budget. */
export function textTable(summary: TextStudySummary): string {
  const several = summary.study.seeds.length > 1;
  const interval = several ? ' [95%]' : '';
  const offsets = farOffsets(summary);
  const first = summary.study.variants[0]?.title ?? '';
  const header = [
    'variant',
    `test loss${interval}`,
    `less ${first}${interval}`,
    ...offsets.map((offset) => `offset ${offset}`),
    'accepted %',
    'tokens/pass',
    'repeated %',
    'extra params',
    'steps',
    'FLOPs',
    'step time',
  ];
  const tables = summary.datasets.flatMap(({ title, startLoss, budgets }) =>
    budgets.flatMap(({ budget, variants }) => {
      if (variants.length === 0) return [];
      const start = startLoss === null ? '' : `; ${loss(startLoss)} before training`;
      const rows = variants.map((each) => [
        each.title,
        lossText(each.testLoss, each.seeds.length),
        each.difference === null ? '' : differenceText(each.difference, each.seeds.length),
        ...offsets.map((offset) => {
          const found = each.offsets.find((one) => one.offset === offset);
          return found === undefined ? '' : loss(found.loss.mean);
        }),
        each.drafts.map(({ acceptanceRate }) => percent(acceptanceRate)).join('/'),
        each.tokensPerPass === null ? '' : each.tokensPerPass.toFixed(2),
        each.repetition === null ? '' : percent(each.repetition),
        each.extraParameters.toLocaleString('en'),
        String(each.steps),
        formatCount(each.flops),
        `${relativeTime(variants, each).toFixed(2)}x`,
      ]);
      return `${title === '' ? summary.study.title : title}, ${budgetTitle(budget)}${start}\n${formatTable(header, rows)}`;
    }),
  );
  return tables.join('\n\n');
}
