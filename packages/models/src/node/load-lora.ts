import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from '@foretoken/input/node';
import { loadInto, SafetensorsError } from '@foretoken/nn';
import type { Variable } from '@foretoken/tensor';
import { CheckpointError } from '../checkpoint/errors.js';
import { loadAdapters } from '../lora/load.js';
import type { Lora } from '../lora/lora.js';
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, OBJECTIVE_FILE } from '../lora/peft-names.js';
import type { Transformer } from '../transformer.js';
import { reading } from './file-error.js';
import { JSON_LIMITS } from './json-limits.js';
import { readSafetensorsFile } from './safetensors-file.js';
import { WeightsFile } from './weights-file.js';

export interface LoadLoraOptions {
  /** What trained along and is loaded too: `objective.parameters()`, from `objective.safetensors`. */
  readonly objective?: ReadonlyMap<string, Variable>;
}

/** @throws CheckpointError naming a file that is not there */
async function checkFiles(folder: string, wanted: readonly string[]): Promise<void> {
  const present = await reading(folder, () => readdir(folder));
  const absent = wanted.filter((name) => !present.includes(name));
  if (absent.length === 0) return;
  const hint = present.includes('adapter_model.bin')
    ? ' It has adapter_model.bin; save it with safe_serialization=True in PEFT first.'
    : '';
  throw new CheckpointError(`${folder} has no ${absent.join(' and no ')}.${hint}`);
}

async function loadObjective(path: string, variables: ReadonlyMap<string, Variable>): Promise<void> {
  try {
    const { tensors } = await reading(path, async () => readSafetensorsFile(path));
    loadInto(path, variables, tensors);
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw new CheckpointError(`${path}: ${cause.message}`, { cause });
    throw cause;
  }
}

/**
 * Freezes a model and gives it the adapters of a folder that PEFT, or `saveLora`, wrote.
 *
 * @throws CheckpointError in one message, for what is missing, malformed, not supported, or of another model; then the
 *   model is as it was
 * @example const lora = await loadLora(model, 'adapter', { objective: objective.parameters() })
 */
export async function loadLora(
  model: Transformer,
  folder: string,
  { objective }: LoadLoraOptions = {},
): Promise<Lora> {
  const extra = objective !== undefined && objective.size > 0 ? objective : undefined;
  const wanted = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, ...(extra ? [OBJECTIVE_FILE] : [])];
  await checkFiles(folder, wanted);
  const config = readJsonFile(join(folder, ADAPTER_CONFIG_FILE), JSON_LIMITS);
  const weights = await WeightsFile.open(join(folder, ADAPTER_WEIGHTS_FILE));
  let lora: Lora;
  try {
    lora = await loadAdapters(model, { label: folder, config, tensors: weights.tensors });
  } finally {
    await weights.close();
  }
  try {
    if (extra !== undefined) await loadObjective(join(folder, OBJECTIVE_FILE), extra);
  } catch (error) {
    lora.unload();
    throw error;
  }
  return lora;
}
