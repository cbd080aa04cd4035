import type { Device } from '@foretoken/tensor';
import {
  type PlannedRun,
  planRuns,
  type Recipe,
  recipeOfCell,
  Session,
  type Study,
  type StudyVariant,
} from '@foretoken/train';
import { heldBytes } from '../plan/measure.js';
import type { ComparisonKind } from './kind.js';
import type { StudyFolder } from './study-folder.js';

/** What runs of a variant on some data cost. */
export interface CellCost {
  readonly parameters: number;
  readonly flopsPerStep: number;
  /** GPU memory of weights, and of gradients and moments of what is trained. */
  readonly heldBytes: number;
}

/** Costs by data and variant. */
export type CellCosts = ReadonlyMap<string, CellCost>;

export const cellName = (dataset: string, variant: string): string => `${dataset}/${variant}`;

/** Sets up a run to see what it costs; nothing runs. */
async function costOfCell(
  device: Device,
  recipe: Recipe,
  objective: string,
  seed: number,
): Promise<{ readonly session: Session; readonly cost: CellCost }> {
  const before = device.memory().liveBytes;
  const session = await Session.create(device, recipe, objective, seed);
  const { parameterCount: parameters } = session;
  const held = heldBytes(device.memory().liveBytes - before, parameters);
  // What a step costs follows from its examples and the configs.
  session.dispose();
  return { session, cost: { parameters, flopsPerStep: session.cost().flops, heldBytes: held } };
}

/**
 * Plans the runs of a study. Where budgets are of FLOPs, a run of each variant is set up to see what its steps cost, with
 * the first seed: batches of one data set cost the same, or nearly so, in any order.
 */
export async function planStudy(
  study: Study,
  openDevice: () => Promise<Device>,
): Promise<{ readonly runs: PlannedRun[]; readonly costs: Map<string, CellCost> }> {
  const [seed] = study.seeds as [number];
  const costs = new Map<string, CellCost>();
  const runs = await planRuns(study, async (recipe, { name, objective }, data) => {
    const { session, cost } = await costOfCell(await openDevice(), recipe, objective, seed);
    costs.set(cellName(data.name, name), cost);
    return (step) => session.cost(step).flops;
  });
  return { runs, costs };
}

/**
 * What runs cost whose costs are not known yet. A pretrained model is loaded once for each data set and not for every
 * variant; what the others cost is then taken to be the same.
 */
export async function costsOfRuns(
  runs: readonly PlannedRun[],
  known: CellCosts,
  openDevice: () => Promise<Device>,
): Promise<CellCosts> {
  const costs = new Map(known);
  for (const { dataset, variant, recipe, objective, seed } of runs) {
    const cell = cellName(dataset, variant);
    if (costs.has(cell)) continue;
    const similar = [...costs].find(([name]) => name.startsWith(`${dataset}/`))?.[1];
    if (recipe.model['from'] !== undefined && similar !== undefined) costs.set(cell, similar);
    else costs.set(cell, (await costOfCell(await openDevice(), recipe, objective, seed)).cost);
  }
  return costs;
}

/** Measures the models that runs begin with, where that has not been done. */
export async function measureStarts(
  study: Study,
  kind: ComparisonKind,
  folder: StudyFolder,
  openDevice: () => Promise<Device>,
  say: (text: string) => void,
): Promise<void> {
  const { measureStart } = kind;
  if (measureStart === undefined) return;
  const [variant] = study.variants as [StudyVariant];
  const [seed] = study.seeds as [number];
  for (const data of study.datasets) {
    if (folder.start(data.name) !== undefined) continue;
    const recipe = recipeOfCell(study, variant, data);
    say(`${data.title || study.title}: measuring the model that runs begin with.`);
    const session = await Session.create(await openDevice(), recipe, variant.objective, seed);
    try {
      folder.keepStart(data.name, await measureStart(session, study.measure));
    } finally {
      session.dispose();
    }
  }
}
