import { stat } from 'node:fs/promises';
import type { Device } from '@foretoken/tensor';
import { CheckpointError } from '../checkpoint/errors.js';
import type { CheckpointOrigin, LoadCheckpointOptions, LoadedCheckpoint } from '../checkpoint/load.js';
import { loadCheckpoint } from '../checkpoint/load.js';
import { openCheckpointFolder } from './folder.js';
import { fetchCheckpoint, type HubOptions, isHubName } from './hub.js';

/** Where a model came from: give it to `savePretrained` to keep what the model itself does not hold. */
export interface PretrainedOrigin extends CheckpointOrigin {
  /** The folder, or the one in the cache of the hub. */
  readonly folder: string;
}

export interface LoadPretrainedOptions extends LoadCheckpointOptions {
  /** For names of the hub. */
  readonly hub?: HubOptions;
}

export interface Pretrained extends LoadedCheckpoint {
  readonly origin: PretrainedOrigin;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * The folder of a checkpoint: `name` itself where there is such a folder, else that of the hub's model of this name in
 * the cache, fetched as far as it is not there yet.
 *
 * @throws CheckpointError in one line
 */
export async function pretrainedFolder(name: string, hub: HubOptions = {}): Promise<string> {
  if (await isFolder(name)) return name;
  if (isHubName(name)) return fetchCheckpoint(name, hub);
  throw new CheckpointError(
    `${name} is no folder, and no name of the hub, which looks like organization/model.`,
  );
}

/**
 * Loads a transformer from a folder as Hugging Face lays it out, or by its name on the hub. Weights are read a chunk at
 * a time and widened to f32.
 *
 * @param name - a folder, or `organization/model`
 * @throws CheckpointError in one message, for what is missing, malformed, unknown or does not fit
 * @example const { model, config, origin } = await loadPretrained(device, 'HuggingFaceTB/SmolLM2-135M')
 */
export async function loadPretrained(
  device: Device,
  name: string,
  { hub, ...options }: LoadPretrainedOptions = {},
): Promise<Pretrained> {
  const folder = await pretrainedFolder(name, hub);
  const source = await openCheckpointFolder(folder);
  try {
    const loaded = await loadCheckpoint(device, source, options);
    return { ...loaded, origin: { ...loaded.origin, folder } };
  } finally {
    await source.close();
  }
}
