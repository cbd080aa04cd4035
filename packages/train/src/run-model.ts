import type { SequenceTask } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { type HostTensor, loadInto } from '@foretoken/nn';
import { type Device, HostRandom } from '@foretoken/tensor';
import { RunFolderError } from './errors.js';
import type { RunRecord } from './events.js';
import { makeModel, startFolder } from './model-source.js';
import { parseRecipe } from './recipe.js';
import { RunFolder } from './run-folder.js';
import { taskOf } from './task-kinds.js';

/** A trained model, with the task that it was trained on. */
export interface RunModel {
  readonly record: RunRecord;
  readonly task: SequenceTask;
  /** Without registers, heads or anything else of its objective. */
  readonly model: Transformer;
  /** Updates that the model has behind it. */
  readonly step: number;
}

/** As parameters of the model are called in checkpoints of runs. */
const PREFIX = 'model.';

/** Parameters of the model alone, by its own names. */
function ofModel(tensors: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  const own = [...tensors].filter(([name]) => name.startsWith(PREFIX));
  return new Map(own.map(([name, tensor]) => [name.slice(PREFIX.length), tensor]));
}

/**
 * The model of a run as its best evaluation left it, or its last checkpoint where no evaluation chooses.
 *
 * @throws RunFolderError when the folder holds no run with a checkpoint; errors of data and models in one line
 */
export async function loadRunModel(device: Device, path: string): Promise<RunModel> {
  const folder = new RunFolder(path);
  const record = folder.record();
  const checkpoint = folder.load();
  if (record === undefined || checkpoint === undefined) {
    throw new RunFolderError(
      `${path}: no run with a checkpoint. Give a folder that "foretoken train" wrote.`,
    );
  }
  const recipe = parseRecipe(record.recipe);
  const { kind, settings } = taskOf(recipe);
  const start = await startFolder(recipe.model);
  const loaded = await kind.load(settings, record.seed, start);
  const { model } = await makeModel({
    device,
    settings: recipe.model,
    kind,
    loaded,
    folder: start,
    random: new HostRandom(0),
  });
  const { step, best } = checkpoint.progress;
  try {
    const tensors = best ? folder.loadBest(best.step) : checkpoint.tensors;
    loadInto(path, model.parameters(), ofModel(tensors));
  } catch (error) {
    model.dispose();
    throw error;
  }
  return { record, task: loaded.task, model, step: best?.step ?? step };
}
