import { quote } from '@foretoken/input';
import type { Recipe } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { page } from '../report/page.js';
import { comparisonTable, summarize } from '../summary.js';
import type { ComparisonKind } from './kind.js';

/** @throws UsageError for a recipe whose runs have no exact match to be compared by */
function solvedShare({ name, evaluation }: Recipe): number {
  if (evaluation.solved !== undefined) return evaluation.solved;
  throw new UsageError(
    `compare: recipe ${name} has no evaluation.solved; comparisons are of star graphs that are solved. Use "foretoken train" for each objective.`,
  );
}

/** Exact match on fresh graphs, which every run measures itself. */
export const starGraphs: ComparisonKind = {
  taskKinds: ['star-graph'],
  check(recipe, settings) {
    solvedShare(recipe);
    const [unknown] = Object.keys(settings);
    if (unknown === undefined) return;
    throw new UsageError(
      `study, measure: no setting ${quote(unknown)}. Star graphs are measured by their runs; leave measure out.`,
    );
  },
  async conclude({ study, runs, command, problems }) {
    const { recipe } = study;
    const solved = solvedShare(recipe);
    // Variants in the order they were asked for, whichever seed ended first.
    const ordered = study.variants.flatMap(({ name }) => runs.filter(({ run }) => run.variant === name));
    const summary = summarize(recipe, command, ordered);
    return {
      summary,
      table: comparisonTable(summary),
      notes: [
        `Guessing the arm gives ${(100 * summary.chance).toFixed(0)}%. Final figures are on ${recipe.evaluation.finalQuestions} fresh graphs; a run stops when ${(100 * solved).toFixed(0)}% of ${recipe.evaluation.questions} held-out graphs are solved, the same rule for all.`,
      ],
      page: await page({ summary, runs: ordered, problems }),
      pictures: {},
    };
  },
};
