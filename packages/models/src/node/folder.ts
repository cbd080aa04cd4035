import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from '@foretoken/input/node';
import { CheckpointError, listNames } from '../checkpoint/errors.js';
import { CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from '../checkpoint/layout.js';
import type { CheckpointSource, StoredTensor } from '../checkpoint/source.js';
import { parseWeightIndex, type WeightMap } from '../checkpoint/weight-index.js';
import { reading } from './file-error.js';
import { JSON_LIMITS } from './json-limits.js';
import { WeightsFile } from './weights-file.js';

/** A checkpoint in a folder, with its files open. */
export interface CheckpointFolder extends CheckpointSource {
  close(): Promise<void>;
}

/** Which files hold the weights: one, or those of the index. */
async function findWeights(folder: string): Promise<{ files: readonly string[]; index?: WeightMap }> {
  const present = await reading(folder, () => readdir(folder));
  if (!present.includes(CONFIG_FILE)) {
    throw new CheckpointError(`${folder} has no ${CONFIG_FILE}; a checkpoint has it beside its weights.`);
  }
  if (present.includes(WEIGHTS_FILE)) return { files: [WEIGHTS_FILE] };
  if (present.includes(INDEX_FILE)) {
    const index = parseWeightIndex(folder, readJsonFile(join(folder, INDEX_FILE), JSON_LIMITS));
    const files = [...new Set(index.values())].sort();
    const absent = files.filter((file) => !present.includes(file));
    if (absent.length > 0)
      throw new CheckpointError(`${folder}: files of ${INDEX_FILE} are missing: ${listNames(absent)}.`);
    return { files, index };
  }
  const foreign = present.find((name) => /\.(bin|pt|pth|h5|msgpack|gguf)$/.test(name));
  const hint = foreign === undefined ? '' : ` It has ${foreign}; convert that to safetensors first.`;
  throw new CheckpointError(`${folder} has neither ${WEIGHTS_FILE} nor ${INDEX_FILE}.${hint}`);
}

/** The tensors of all files. @throws CheckpointError where an index and its files disagree */
function collectTensors(
  folder: string,
  files: ReadonlyMap<string, WeightsFile>,
  index: WeightMap | undefined,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  const misplaced: string[] = [];
  for (const [file, { tensors: own }] of files) {
    for (const [name, tensor] of own) {
      if (index !== undefined && index.get(name) !== file) misplaced.push(`${name} (in ${file})`);
      else tensors.set(name, tensor);
    }
  }
  const absent = [...(index?.keys() ?? [])].filter((name) => !tensors.has(name));
  const problems = [
    ...(absent.length > 0 ? [`listed, but not in their files: ${listNames(absent)}.`] : []),
    ...(misplaced.length > 0 ? [`in files, but not listed there: ${listNames(misplaced)}.`] : []),
  ];
  if (problems.length > 0)
    throw new CheckpointError(`${folder}: ${INDEX_FILE} does not fit its files. ${problems.join(' ')}`);
  return tensors;
}

/**
 * Opens a folder as Hugging Face lays it out: `config.json`, and `model.safetensors` or the shards of
 * `model.safetensors.index.json`. Reads headers only; close it when the tensors have been read.
 *
 * @throws CheckpointError or SafetensorsError in one line, for what is missing or malformed
 */
export async function openCheckpointFolder(folder: string): Promise<CheckpointFolder> {
  const { files, index } = await findWeights(folder);
  const config = readJsonFile(join(folder, CONFIG_FILE), JSON_LIMITS);
  const opened = new Map<string, WeightsFile>();
  const close = async (): Promise<void> => {
    for (const file of opened.values()) await file.close();
  };
  try {
    for (const file of files) opened.set(file, await WeightsFile.open(join(folder, file)));
    return { label: folder, config, tensors: collectTensors(folder, opened, index), close };
  } catch (error) {
    await close();
    throw error;
  }
}
