import type { FinishedStudy } from '../comparison/kind.js';
import type { BudgetSummary, DatasetSummary, LossStudySummary } from '../comparison/loss-summary.js';
import {
  differencePlot,
  draftPlot,
  offsetPlot,
  type Spec,
  type VariantLooks,
  validationPlot,
} from './loss-plots.js';
import { looksOf } from './palette.js';
import { renderSvg } from './render.js';
import { type RunLog, readRunLog } from './run-logs.js';

/** How the variants of a study are drawn. */
export const looksOfStudy = ({ study }: LossStudySummary): VariantLooks => ({
  looks: looksOf(study.variants.map(({ name }) => name)),
  titles: new Map(study.variants.map(({ name, title }) => [name, title])),
});

/** The logs of the runs on some data within a budget. */
export const logsOf = ({ runs, out }: FinishedStudy, dataset: string, { budget }: BudgetSummary): RunLog[] =>
  runs
    .filter(({ run }) => run.dataset === dataset && run.budgets.includes(budget))
    .map(({ run }) => readRunLog(`${out}/${run.folder}`, run.variant, run.seed));

/** The drawings of a report, each with all data side by side. */
export async function lossPictures(
  finished: FinishedStudy,
  summary: LossStudySummary,
): Promise<Record<string, string>> {
  const looks = looksOfStudy(summary);
  const plots: Readonly<Record<string, (data: DatasetSummary, budget: BudgetSummary) => Spec>> = {
    differences: (_, budget) => differencePlot(budget, looks),
    offsets: (_, budget) => offsetPlot(budget, looks, true),
    drafts: (_, budget) => draftPlot(budget, looks, true),
    validation: (data, budget) =>
      validationPlot(
        logsOf(finished, data.dataset, budget),
        budget.budget === 'steps' ? 'step' : 'flops',
        looks,
        true,
      ),
  };
  const pictures: Record<string, string> = {};
  for (const budget of summary.study.budgets) {
    for (const [name, plot] of Object.entries(plots)) {
      const drawn = summary.datasets.flatMap((data) => {
        const own = data.budgets.find((each) => each.budget === budget);
        const spec = own && plot(data, own);
        return spec === undefined ? [] : [{ title: titleOf(data), ...spec }];
      });
      if (drawn.length > 0) {
        pictures[`${name}-equal-${budget}`] = await renderSvg({ padding: 16, spacing: 28, hconcat: drawn });
      }
    }
  }
  return pictures;
}

const titleOf = ({ title }: DatasetSummary): object => ({
  text: title,
  color: 'var(--ink)',
  anchor: 'start',
  fontSize: 15,
});
