import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@foretoken/nn';
import type { Variable } from '@foretoken/tensor';
import type { Lora } from '../lora/lora.js';
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, OBJECTIVE_FILE } from '../lora/peft-names.js';
import { adapterContents, type SaveAdaptersOptions, variablesFile } from '../lora/save.js';
import { writing } from './file-error.js';
import { Staging, toJson, writeWhole } from './staging.js';

export interface SaveLoraOptions extends SaveAdaptersOptions {
  /** What trained along: `objective.parameters()`. Goes to `objective.safetensors`, in f32, which PEFT passes over. */
  readonly objective?: ReadonlyMap<string, Variable>;
}

/** The weights of an earlier save in another form, which PEFT would pass over or take instead. */
const STALE = [OBJECTIVE_FILE, 'adapter_model.bin'];

/**
 * Writes adapters to a folder as PEFT does: `adapter_config.json` and `adapter_model.safetensors`. Files are written under
 * other names and renamed once all of them are whole.
 *
 * @throws ConfigError when the adapters were taken off the model; CheckpointError when the folder cannot be written
 * @example await saveLora(lora, 'adapter', { baseModel: 'google/gemma-2b', objective: objective.parameters() })
 */
export async function saveLora(
  lora: Lora,
  folder: string,
  { objective, ...options }: SaveLoraOptions = {},
): Promise<void> {
  if (lora.sites.length === 0)
    throw new ConfigError('saveLora: the adapters were taken off the model; save them before.');
  const { config, weights } = await adapterContents(lora, options);
  const files = new Map([[ADAPTER_WEIGHTS_FILE, weights]]);
  // An objective of no parameters of its own has nothing to keep.
  if (objective !== undefined && objective.size > 0)
    files.set(OBJECTIVE_FILE, await variablesFile(objective, 'F32'));
  files.set(ADAPTER_CONFIG_FILE, toJson(config));
  await writing(folder, () => writeFiles(folder, files));
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const staging = await Staging.begin(folder);
  try {
    for (const [name, bytes] of files) await staging.write(name, writeWhole(bytes));
    await staging.commit();
  } catch (error) {
    await staging.discard();
    throw error;
  }
  const present = await readdir(folder);
  for (const name of STALE) if (present.includes(name) && !files.has(name)) await rm(join(folder, name));
}
