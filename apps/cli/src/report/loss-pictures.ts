import type { FinishedStudy } from '../comparison/kind.js';
import {
  type BudgetSummary,
  budgetTitle,
  type DatasetSummary,
  type LossStudySummary,
} from '../comparison/loss-summary.js';
import {
  differencePlot,
  draftPlot,
  offsetPlot,
  type Plot,
  type VariantLooks,
  validationPlot,
} from './loss-plots.js';
import { type Look, looksOf } from './palette.js';
import { renderSvg } from './render.js';
import type { RunLog } from './run-logs.js';
import { type KeyEntry, panelSheet } from './sheet.js';

const TITLES: Readonly<Record<string, string>> = {
  differences: 'Test loss against the first variant',
  offsets: 'Test loss of registers and heads by distance',
  drafts: 'Drafts that the model accepts',
  validation: 'Validation loss',
};

/** How the variants of a study are drawn. */
export const looksOfStudy = ({ study }: LossStudySummary): VariantLooks => ({
  looks: looksOf(study.variants.map(({ name }) => name)),
  titles: new Map(study.variants.map(({ name, title }) => [name, title])),
});

/** What the marks of some variants stand for, in the order of the study. */
export const keyOf = ({ looks, titles }: VariantLooks, drawn: readonly string[]): KeyEntry[] =>
  [...looks]
    .filter(([name]) => drawn.includes(name))
    .map(([name, look]: [string, Look]) => ({ title: titles.get(name) ?? name, look }));

/** The logs of the runs on some data within a budget. */
export const logsOf = ({ runs }: FinishedStudy, dataset: string, { budget }: BudgetSummary): RunLog[] =>
  runs
    .filter(({ run }) => run.dataset === dataset && run.budgets.includes(budget))
    .flatMap(({ log }) => log ?? []);

/** The drawings of a report, each with all data side by side. */
export async function lossPictures(
  finished: FinishedStudy,
  summary: LossStudySummary,
): Promise<Record<string, string>> {
  const looks = looksOfStudy(summary);
  const plots: Readonly<Record<string, (data: DatasetSummary, budget: BudgetSummary) => Plot>> = {
    differences: (_, budget) => differencePlot(budget, looks),
    offsets: (_, budget) => offsetPlot(budget, looks),
    drafts: (_, budget) => draftPlot(budget, looks),
    validation: (data, budget) =>
      validationPlot(
        logsOf(finished, data.dataset, budget),
        budget.budget === 'steps' ? 'step' : 'flops',
        looks,
      ),
  };
  const pictures: Record<string, string> = {};
  for (const budget of summary.study.budgets) {
    for (const [name, plotOf] of Object.entries(plots)) {
      const found = summary.datasets.flatMap((data) => {
        const own = data.budgets.find((each) => each.budget === budget);
        const plot = own && plotOf(data, own);
        return plot === undefined ? [] : [{ title: data.title, ...plot }];
      });
      if (found.length === 0) continue;
      const panels: { readonly title: string; readonly svg: string }[] = [];
      for (const { title, specOf } of found) panels.push({ title, svg: await renderSvg(specOf('large')) });
      // Rows of differences are named where they stand.
      const drawn = name === 'differences' ? [] : found.flatMap((each) => each.drawn);
      const title = `${TITLES[name] ?? name}, ${budgetTitle(budget)}`;
      pictures[`${name}-equal-${budget}`] = panelSheet(title, panels, keyOf(looks, drawn));
    }
  }
  return pictures;
}
