import { formatFixed, formatShare } from '../format.js';
import type { SampleFigures } from '../images/judge.js';
import { hasWidth, type Interval, meanInterval } from '../statistics.js';
import type { ImageMeasures } from './image-measures.js';
import type { FinishedRun, FinishedStudy } from './kind.js';
import { type Column, type LossStudySummary, summarizeLosses, type VariantSummary } from './loss-summary.js';

/** What the samples of a variant are worth: over seeds, or with the interval of the run where there is one. */
export interface SampleSummary {
  /** Samples of each run. */
  readonly samples: number;
  readonly accuracy: Interval;
  readonly frechetDistance: Interval;
  readonly precision: Interval;
  readonly recall: Interval;
}

export interface ImageVariantSummary extends VariantSummary {
  /** Null where no classifier has judged. */
  readonly samples: SampleSummary | null;
}

/** The `summary.json` of a study on image tokens. */
export type ImageStudySummary = LossStudySummary<ImageVariantSummary>;

/** The runs of a variant on some data within a budget, by seed. */
export const runsOf = (
  { runs }: FinishedStudy,
  dataset: string,
  budget: LossStudySummary['datasets'][number]['budgets'][number]['budget'],
  variant: string,
): FinishedRun[] =>
  runs.filter(
    ({ run }) => run.dataset === dataset && run.variant === variant && run.budgets.includes(budget),
  );

export const imageMeasuresOf = ({ measured }: FinishedRun): ImageMeasures | undefined =>
  measured as ImageMeasures | undefined;

function summarizeSamples(runs: readonly FinishedRun[]): SampleSummary | null {
  const found = runs.flatMap((run): SampleFigures[] => {
    const samples = imageMeasuresOf(run)?.samples;
    return samples ? [samples] : [];
  });
  const [first] = found;
  if (first === undefined) return null;
  const over = (pick: (figures: SampleFigures) => Interval): Interval =>
    found.length === 1 ? pick(first) : meanInterval(found.map((figures) => pick(figures).mean));
  return {
    samples: first.samples,
    accuracy: over(({ accuracy }) => accuracy),
    frechetDistance: over(({ frechetDistance }) => frechetDistance),
    precision: over(({ precision }) => precision),
    recall: over(({ recall }) => recall),
  };
}

/** Summarizes the runs of a study that have ended and been measured. */
export function summarizeImages(finished: FinishedStudy): ImageStudySummary {
  const summary = summarizeLosses(finished);
  const datasets = summary.datasets.map(({ dataset, budgets, ...data }) => ({
    ...data,
    dataset,
    budgets: budgets.map(({ budget, variants }) => ({
      budget,
      variants: variants.map((each) => ({
        ...each,
        samples: summarizeSamples(runsOf(finished, dataset, budget, each.variant)),
      })),
    })),
  }));
  return { ...summary, datasets };
}

const shares = (interval: Interval): string => {
  const { mean, low, high } = interval;
  if (!hasWidth(interval)) return formatShare(mean);
  return `${formatShare(mean)} [${(100 * Math.max(0, low)).toFixed(1)}, ${(100 * Math.min(1, high)).toFixed(1)}]`;
};

const plain = (interval: Interval): string => {
  const { mean, low, high } = interval;
  if (!hasWidth(interval)) return formatFixed(mean, 2);
  return `${formatFixed(mean, 2)} [${formatFixed(Math.max(0, low), 2)}, ${formatFixed(high, 2)}]`;
};

const column = (title: string, text: (samples: SampleSummary) => string): Column<ImageVariantSummary> => ({
  title,
  cell: ({ samples }) => (samples === null ? '' : text(samples)),
});

/** What samples are worth, as columns of a table. */
export const sampleColumns: readonly Column<ImageVariantSummary>[] = [
  column('class accuracy', ({ accuracy }) => shares(accuracy)),
  column('Fréchet distance', ({ frechetDistance }) => plain(frechetDistance)),
  column('precision', ({ precision }) => formatShare(precision.mean)),
  column('recall', ({ recall }) => formatShare(recall.mean)),
];
