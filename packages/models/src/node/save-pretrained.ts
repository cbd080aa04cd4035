import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError, layOutSafetensors } from '@foretoken/nn';
import { CONFIG_FILE, INDEX_FILE } from '../checkpoint/layout.js';
import {
  type CheckpointContents,
  checkpointContents,
  type SavableModel,
  type SaveCheckpointOptions,
  type SavedTensor,
} from '../checkpoint/save.js';
import { DEFAULT_MAX_SHARD_BYTES, planShards, tensorBytes } from '../checkpoint/shards.js';
import { weightIndex } from '../checkpoint/weight-index.js';
import { companionFiles, readCompanion } from './companions.js';
import { writing } from './file-error.js';
import type { PretrainedOrigin } from './load-pretrained.js';
import { Staging, toJson, writeAt, writeWhole } from './staging.js';

export interface SavePretrainedOptions extends SaveCheckpointOptions {
  /**
   * What `loadPretrained` gave: keeps further fields of config.json, the dtypes for `asRead`, and the files of the
   * tokenizer.
   */
  readonly origin?: PretrainedOrigin;
  /** Larger weights are cut into several files with an index. Default 5 GB. */
  readonly maxShardBytes?: number;
  /** Fields of config.json besides those of the model: what its classes are called, for instance. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** JSON files that lie beside config.json, by name; they replace those of the origin. */
  readonly files?: Readonly<Record<string, object>>;
}

/** The tensors of each file. */
type Shards = ReadonlyMap<string, ReadonlyMap<string, SavedTensor>>;

/** Readers of other languages look for it. */
const METADATA = { format: 'pt' };

async function writeShards(staging: Staging, shards: Shards, contents: CheckpointContents): Promise<void> {
  const values = contents.read();
  for (const [name, tensors] of shards) {
    const { header, entries } = layOutSafetensors(tensors, METADATA);
    await staging.write(name, async (file) => {
      await writeAt(file, header, 0);
      for (let written = 0; written < tensors.size; written++) {
        const { value } = await values.next();
        const [tensor, data] = value as readonly [string, Uint8Array];
        await writeAt(file, data, header.length + (entries.get(tensor)?.start ?? 0));
      }
    });
  }
}

async function writeIndex(staging: Staging, shards: Shards, { tensors }: CheckpointContents): Promise<void> {
  if (shards.size === 1) return;
  const files = [...shards].flatMap(([file, own]) => [...own.keys()].map((name) => [name, file] as const));
  const totalBytes = [...tensors.values()].reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  await staging.write(INDEX_FILE, writeWhole(toJson(weightIndex(new Map(files), totalBytes))));
}

async function copyCompanions(
  staging: Staging,
  from: string,
  to: string,
  others: Readonly<Record<string, object>>,
): Promise<void> {
  if (resolve(from) === resolve(to)) return;
  for (const [name, path] of companionFiles(from)) {
    if (others[name] === undefined) await staging.write(name, writeWhole(readCompanion(path)));
  }
}

const WEIGHTS_OF_ANY_SAVE = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

/** Weights of an earlier save, which readers would take for those of this one. */
async function removeStaleWeights(folder: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (WEIGHTS_OF_ANY_SAVE.test(name) && !kept.has(name)) await rm(join(folder, name));
  }
}

/**
 * Writes a model to a folder as Hugging Face lays it out: `config.json`, the weights in `model.safetensors` or in
 * shards with an index, and the tokenizer of the origin. Files are written under other names and renamed once all of
 * them are whole; weights of an earlier save are removed. One parameter at a time is in memory.
 *
 * @throws CheckpointError naming what no family (or not the one asked for) can express; then nothing is written
 * @example await savePretrained(model, 'tuned', { origin, dtype: 'bf16' })
 */
export async function savePretrained(
  model: SavableModel,
  folder: string,
  options: SavePretrainedOptions = {},
): Promise<void> {
  const { maxShardBytes = DEFAULT_MAX_SHARD_BYTES, origin } = options;
  if (!(maxShardBytes > 0))
    throw new ConfigError(`savePretrained: maxShardBytes must be above 0, got ${maxShardBytes}.`);
  const contents = checkpointContents(model, options);
  const shards = planShards(contents.tensors, maxShardBytes);
  const described = { ...contents, config: { ...contents.config, ...options.config } };
  await writing(folder, () => writeCheckpoint(described, folder, shards, origin, options.files));
}

async function writeCheckpoint(
  contents: CheckpointContents,
  folder: string,
  shards: Shards,
  origin: PretrainedOrigin | undefined,
  files: Readonly<Record<string, object>> = {},
): Promise<void> {
  const staging = await Staging.begin(folder);
  try {
    // First, since they may be refused, and weights take long.
    if (origin !== undefined) await copyCompanions(staging, origin.folder, folder, files);
    await writeShards(staging, shards, contents);
    await writeIndex(staging, shards, contents);
    for (const [name, value] of Object.entries(files)) await staging.write(name, writeWhole(toJson(value)));
    await staging.write(CONFIG_FILE, writeWhole(toJson(contents.config)));
    await staging.commit();
  } catch (error) {
    await staging.discard();
    throw error;
  }
  await removeStaleWeights(folder, new Set([...shards.keys(), ...(shards.size > 1 ? [INDEX_FILE] : [])]));
}
