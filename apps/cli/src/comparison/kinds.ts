import { recipeOfCell, type Study, type StudyDataset, type StudyVariant, taskKinds } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { imageTokens } from './image-tokens.js';
import type { ComparisonKind } from './kind.js';
import { runningText } from './running-text.js';
import { starGraphs } from './star-graphs.js';

/** All kinds of comparisons. */
const kinds: readonly ComparisonKind[] = [starGraphs, runningText, imageTokens];

function checkPreparation(kind: ComparisonKind, { name, prepare }: StudyDataset): void {
  if (prepare === undefined) return;
  if (kind.checkPreparation === undefined) {
    throw new UsageError(
      `study, datasets, ${name}, prepare: nothing is made for ${kind.taskKinds.join(', ')}; leave it out.`,
    );
  }
  kind.checkPreparation(prepare, name);
}

/**
 * What the runs of a study are compared by.
 *
 * @throws UsageError when nothing compares such tasks, or the tasks of a study differ in kind
 */
export function kindOf(study: Study): ComparisonKind {
  const [first] = study.variants as [StudyVariant];
  const found = study.datasets.map((data) => {
    const recipe = recipeOfCell(study, first, data);
    const { kind: task = taskKinds[0]?.name } = recipe.task;
    const kind = kinds.find(({ taskKinds: names }) => names.includes(String(task)));
    if (kind === undefined) {
      throw new UsageError(
        `compare: ${recipe.name} is of ${String(task)}; comparisons are of ${kinds.flatMap(({ taskKinds: names }) => names).join(', ')}. Use "foretoken train" for each objective.`,
      );
    }
    kind.check(recipe, study.measure);
    checkPreparation(kind, data);
    return kind;
  });
  if (new Set(found).size > 1)
    throw new UsageError(`compare: the data of ${study.name} differ in kind of task.`);
  return found[0] as ComparisonKind;
}
