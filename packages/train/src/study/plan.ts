import { join } from 'node:path';
import { parseRecipe, type Recipe } from '../recipe.js';
import { type Budget, recipeOfCell, type Study, type StudyDataset, type StudyVariant } from './study.js';

/** One run of a study. */
export interface PlannedRun {
  readonly variant: string;
  /** Empty where the study repeats over no data. */
  readonly dataset: string;
  readonly seed: number;
  readonly objective: string;
  /** With the steps of its budget. */
  readonly recipe: Recipe;
  /** The budgets that it belongs to: variants that cost the same need no run of their own for each. */
  readonly budgets: readonly Budget[];
  /** Its folder within that of the study. */
  readonly folder: string;
}

/** Training FLOPs of update number `step`, counted from 0. */
export type StepFlops = (step: number) => number;

/** Finds out what the steps of a variant cost, on some data. */
export type CostOf = (recipe: Recipe, variant: StudyVariant, data: StudyDataset) => Promise<StepFlops>;

/** Training FLOPs of so many steps. */
export function flopsOf(cost: StepFlops, steps: number): number {
  let total = 0;
  for (let step = 0; step < steps; step++) total += cost(step);
  return total;
}

/** The number of steps, at least one, whose FLOPs are nearest to a total; the smaller of two that are equally near. */
export function stepsForFlops(cost: StepFlops, total: number): number {
  let [steps, spent] = [1, cost(0)];
  for (;;) {
    const next = spent + cost(steps);
    if (Math.abs(next - total) >= Math.abs(spent - total)) return steps;
    spent = next;
    steps++;
  }
}

/**
 * The runs of a study: with each seed, on all data, every variant with every budget. Those that have as many steps in two
 * budgets are one run.
 *
 * @param costOf - asked only where a budget is of FLOPs
 */
export async function planRuns(study: Study, costOf: CostOf): Promise<PlannedRun[]> {
  const cells: Omit<PlannedRun, 'seed' | 'folder'>[] = [];
  for (const data of study.datasets) {
    const total = study.budgets.includes('flops') ? await flopsOfFirst(study, data, costOf) : 0;
    for (const variant of study.variants) {
      const recipe = recipeOfCell(study, variant, data);
      const bySteps = new Map<number, Budget[]>();
      for (const budget of study.budgets) {
        const steps =
          budget === 'steps' ? recipe.steps : stepsForFlops(await costOf(recipe, variant, data), total);
        bySteps.set(steps, [...(bySteps.get(steps) ?? []), budget]);
      }
      for (const [steps, budgets] of bySteps) {
        const { name, objective } = variant;
        cells.push({
          variant: name,
          dataset: data.name,
          objective,
          budgets,
          recipe: parseRecipe({ ...recipe, steps }),
        });
      }
    }
  }
  const seedsOn = new Map(
    study.datasets.map(({ name, firstSeeds }) => [name, study.seeds.slice(0, firstSeeds)]),
  );
  return study.seeds.flatMap((seed) =>
    cells
      .filter(({ dataset }) => seedsOn.get(dataset)?.includes(seed))
      .map((cell) => ({ ...cell, seed, folder: folderOf(cell, seed) })),
  );
}

async function flopsOfFirst(study: Study, data: StudyDataset, costOf: CostOf): Promise<number> {
  const [first] = study.variants as [StudyVariant];
  const recipe = recipeOfCell(study, first, data);
  return flopsOf(await costOf(recipe, first, data), recipe.steps);
}

/** Folders of runs whose steps are not those of the recipe say how many they are. */
function folderOf(
  { variant, dataset, recipe, budgets }: Omit<PlannedRun, 'seed' | 'folder'>,
  seed: number,
): string {
  const steps = budgets.includes('steps') ? '' : `-${recipe.steps}steps`;
  return join(dataset, `${variant}${steps}-seed${seed}`);
}
