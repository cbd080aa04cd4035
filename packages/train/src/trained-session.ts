import type { Device } from '@foretoken/tensor';
import { RunFolderError } from './errors.js';
import { startFolder } from './model-source.js';
import { dataFingerprints, modelFingerprints } from './run/fingerprints.js';
import { RunFolder } from './run/run-folder.js';
import { checkSameFiles } from './run/same-run.js';
import { Session } from './session.js';

/**
 * What a finished run ended with: its task, its model and its objective, with the parameters that its summary tells of.
 *
 * @throws RunFolderError when the run has not ended, its checkpoint is gone or damaged, or its files have changed
 */
export async function trainedSession(device: Device, path: string): Promise<Session> {
  const folder = new RunFolder(path);
  const [record, summary, checkpoint] = [folder.record(), folder.summary(), folder.load()];
  if (record === undefined || summary === undefined || checkpoint === undefined) {
    throw new RunFolderError(`${path}: no finished run with a checkpoint. Train it first, or again.`);
  }
  if (checkpoint.progress.step !== summary.steps) {
    throw new RunFolderError(
      `${path}: the run ended at step ${summary.steps}, and its last checkpoint is of step ${checkpoint.progress.step}. Put the last one back; or remove summary.json and train again, which resumes from there.`,
    );
  }
  const begin = await startFolder(record.recipe.model);
  checkSameFiles(path, record, {
    data: await dataFingerprints(record.recipe),
    ...(begin === undefined ? {} : { model: await modelFingerprints(begin) }),
  });
  const session = await Session.create(device, record.recipe, record.objective, record.seed);
  try {
    session.restore(checkpoint.tensors);
    if (summary.modelStep !== summary.steps) session.restoreParameters(folder.loadBest(summary.modelStep));
    return session;
  } catch (error) {
    session.dispose();
    throw error;
  }
}
