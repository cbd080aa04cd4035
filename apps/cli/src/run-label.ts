import type { PlannedRun } from '@foretoken/train';

/** What a run is called in progress and errors. */
export const runLabel = ({ dataset, variant, recipe, seed, budgets }: PlannedRun): string => {
  const steps = budgets.includes('steps') ? '' : ` ${recipe.steps} steps`;
  return `${dataset === '' ? '' : `${dataset} `}${variant}${steps} seed ${seed}`;
};
