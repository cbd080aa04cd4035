import type { Device } from '@foretoken/tensor';
import {
  type PlannedRun,
  planRuns,
  recipeOfCell,
  Session,
  type Study,
  type StudyVariant,
} from '@foretoken/train';
import type { ComparisonKind } from './kind.js';
import type { StudyFolder } from './study-folder.js';

/**
 * Plans the runs of a study. Where budgets are of FLOPs, a run of each variant is set up to see what its steps cost, with
 * the first seed: batches of one data set cost the same, or nearly so, in any order.
 */
export function planStudy(study: Study, openDevice: () => Promise<Device>): Promise<PlannedRun[]> {
  const [seed] = study.seeds as [number];
  return planRuns(study, async (recipe, { objective }) => {
    const session = await Session.create(await openDevice(), recipe, objective, seed);
    // What a step costs follows from its examples and the configs: nothing runs.
    session.dispose();
    return (step) => session.cost(step).flops;
  });
}

/** Measures the models that runs begin with, where that has not been done. */
export async function measureStarts(
  study: Study,
  kind: ComparisonKind,
  folder: StudyFolder,
  openDevice: () => Promise<Device>,
): Promise<void> {
  const { measureStart } = kind;
  if (measureStart === undefined) return;
  const [variant] = study.variants as [StudyVariant];
  const [seed] = study.seeds as [number];
  for (const data of study.datasets) {
    if (folder.start(data.name) !== undefined) continue;
    const recipe = recipeOfCell(study, variant, data);
    const session = await Session.create(await openDevice(), recipe, variant.objective, seed);
    try {
      folder.keepStart(data.name, await measureStart(session, study.measure));
    } finally {
      session.dispose();
    }
  }
}
