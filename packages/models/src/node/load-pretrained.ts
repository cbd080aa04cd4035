import { stat } from 'node:fs/promises';
import type { Device } from '@foretoken/tensor';
import { CheckpointError } from '../checkpoint/errors.js';
import {
  type LoadClassifierOptions,
  type LoadedClassifier,
  loadImageClassifier,
} from '../checkpoint/image-classifiers.js';
import type { CheckpointOrigin, LoadCheckpointOptions, LoadedCheckpoint } from '../checkpoint/load.js';
import { loadCheckpoint } from '../checkpoint/load.js';
import type { CheckpointSource } from '../checkpoint/source.js';
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

/** Opens a checkpoint, reads a model from it, and closes it again. */
async function fromFolder<Loaded extends LoadedCheckpoint | LoadedClassifier>(
  name: string,
  hub: HubOptions | undefined,
  load: (source: CheckpointSource) => Promise<Loaded>,
): Promise<Loaded & { readonly origin: PretrainedOrigin }> {
  const folder = await pretrainedFolder(name, hub);
  const source = await openCheckpointFolder(folder);
  try {
    const loaded = await load(source);
    return { ...loaded, origin: { ...loaded.origin, folder } };
  } finally {
    await source.close();
  }
}

/**
 * Loads a transformer from a folder as Hugging Face lays it out, or by its name on the hub. Weights are read a chunk at
 * a time and widened to f32.
 *
 * @param name - a folder, or `organization/model`
 * @throws CheckpointError in one message, for what is missing, malformed, unknown or does not fit
 * @example const { model, config, origin } = await loadPretrained(device, 'HuggingFaceTB/SmolLM2-135M')
 */
export const loadPretrained = (
  device: Device,
  name: string,
  { hub, ...options }: LoadPretrainedOptions = {},
): Promise<Pretrained> => fromFolder(name, hub, (source) => loadCheckpoint(device, source, options));

export interface LoadPretrainedClassifierOptions extends LoadClassifierOptions {
  /** For names of the hub. */
  readonly hub?: HubOptions;
}

export interface PretrainedClassifier extends LoadedClassifier {
  readonly origin: PretrainedOrigin;
}

/**
 * Loads a classifier of images in the same way: ViT, DeiT, or one that was trained here.
 *
 * @throws CheckpointError in one message, for what is missing, malformed, unknown or does not fit
 * @example const { model } = await loadPretrainedClassifier(device, 'google/vit-base-patch16-224')
 */
export const loadPretrainedClassifier = (
  device: Device,
  name: string,
  { hub, ...options }: LoadPretrainedClassifierOptions = {},
): Promise<PretrainedClassifier> =>
  fromFolder(name, hub, (source) => loadImageClassifier(device, source, options));
