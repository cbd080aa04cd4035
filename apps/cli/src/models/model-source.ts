import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findData, findModelData } from '@foretoken/data/node';
import { isJsonObject, printable, shorten } from '@foretoken/input';
import { type HubProgress, pretrainedFolder } from '@foretoken/models/node';
import { MODEL_FOLDER } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { formatMebibytes } from '../format.js';
import { readFields } from './json-fields.js';

/** How a user names a model. */
export interface ModelRequest {
  /** A folder of a checkpoint, of adapters or of a run, or `organization/model` of the hub. */
  readonly name: string;
  /** Folder of adapters in PEFT's format, to put on the model. */
  readonly adapter?: string | undefined;
  /** Another folder or name of the hub for the tokenizer. */
  readonly tokenizer?: string | undefined;
}

/** Where the files of a model are. */
export interface ModelSource {
  /** As people call it. */
  readonly label: string;
  readonly folder: string;
  readonly adapter: string | undefined;
  readonly tokenizerFolder: string;
}

const ADAPTER_CONFIG = 'adapter_config.json';

const has = (folder: string, file: string): boolean => existsSync(join(folder, file));

/** Tells how far a download is, now and then, on a terminal in one line. */
function tellProgress({ file, fetchedBytes, totalBytes }: HubProgress): void {
  if (process.stderr.isTTY !== true) return;
  const end = fetchedBytes === totalBytes ? '\n' : '';
  process.stderr.write(
    `\r\u001b[2K${file}: ${formatMebibytes(fetchedBytes)} of ${formatMebibytes(totalBytes)}${end}`,
  );
}

const fetched = (name: string): Promise<string> =>
  pretrainedFolder(findModelData(name), { onProgress: tellProgress });

const WEIGHTS = ['model.safetensors', 'model.safetensors.index.json'];

/** The model inside a run folder; undefined for any other folder. @throws UsageError for a run without one */
function modelOfRun(folder: string): string | undefined {
  if (WEIGHTS.some((file) => has(folder, file))) return undefined;
  const inside = join(folder, MODEL_FOLDER);
  if (has(inside, 'config.json')) return inside;
  const { recipe } = readFields(folder, 'config.json');
  if (!isJsonObject(recipe)) return undefined;
  const name = printable(shorten(String(recipe['name'] ?? '?')));
  throw new UsageError(
    `--model ${folder}: a run folder of the recipe ${name}, which holds no model. A run of text writes one to ${inside} when it is done; resume with "foretoken train", or give the folder of a language model.`,
  );
}

/** What PEFT's files say that adapters are of. @throws UsageError when they do not say it */
function baseOf(adapter: string): string {
  const base = readFields(adapter, ADAPTER_CONFIG)['base_model_name_or_path'];
  if (typeof base === 'string' && base !== '') return base;
  throw new UsageError(
    `--model ${adapter}: adapters, and ${ADAPTER_CONFIG} does not name their base_model_name_or_path. Give --model BASE --adapter ${adapter}.`,
  );
}

/**
 * Finds the files of a model, fetching those of the hub that are not in the cache; reads no weights.
 *
 * @throws UsageError or CheckpointError, in one line
 */
export async function findModel({ name: given, adapter, tokenizer }: ModelRequest): Promise<ModelSource> {
  const name = findData(given);
  if (adapter !== undefined && !has(adapter, ADAPTER_CONFIG)) {
    throw new UsageError(
      `--adapter ${adapter}: ${existsSync(adapter) ? `has no ${ADAPTER_CONFIG}; expected a folder of adapters in PEFT's format` : 'there is no such folder'}.`,
    );
  }
  const isAdapter = has(name, ADAPTER_CONFIG) && !has(name, 'config.json');
  if (isAdapter && adapter !== undefined)
    throw new UsageError(`--model ${name}: adapters themselves; give the model that they are of.`);
  const folder = modelOfRun(name) ?? (await fetched(isAdapter ? baseOf(name) : name));
  return {
    label: adapter === undefined ? given : `${given} + ${adapter}`,
    folder,
    adapter: isAdapter ? name : adapter,
    tokenizerFolder: tokenizer === undefined ? folder : await fetched(tokenizer),
  };
}
