import { join } from 'node:path';
import { quote } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { CheckpointError } from '../checkpoint/errors.js';
import { COMPANION_FILES, CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from '../checkpoint/layout.js';
import { parseWeightIndex } from '../checkpoint/weight-index.js';
import { HubCache, isCommit } from './hub-cache.js';
import { hubError, isUnreachable } from './hub-errors.js';
import { boundedFetch, checkHubUrl } from './hub-fetch.js';
import { type Hub, HubModel, type HubProgress, LISTING_BYTES } from './hub-model.js';
import { JSON_LIMITS } from './json-limits.js';

export type { HubProgress };

export interface HubOptions {
  /** A branch, tag or commit. Default `main`. */
  readonly revision?: string;
  /** For private and gated models. Sent to the hub alone, and not without encryption. Default: the environment's `HF_TOKEN`. */
  readonly token?: string | undefined;
  /** Where files are kept. Default as for all tools of Hugging Face: `HF_HUB_CACHE`, `HF_HOME`, `~/.cache/huggingface`. */
  readonly cacheFolder?: string;
  /** Use what is in the cache and no network. Default: whether the environment's `HF_HUB_OFFLINE` is set. */
  readonly offline?: boolean;
  /** Default: the environment's `HF_ENDPOINT`, or https://huggingface.co. */
  readonly hubUrl?: string;
  /**
   * Seconds after which a hub that is silent, or sends less than 1 KiB, is given up; a file is asked for three times at
   * most. Default: the environment's `HF_HUB_DOWNLOAD_TIMEOUT`, or 10.
   */
  readonly timeoutSeconds?: number;
  /** Called as files arrive. */
  readonly onProgress?: (progress: HubProgress) => void;
}

/** Whether a name can be one of the hub: `organization/model`, or `model` for the oldest. */
export const isHubName = (name: string): boolean =>
  /^\w[\w.-]*(\/\w[\w.-]*)?$/.test(name) && !name.includes('..');

/** Branches, tags and commits, as paths can hold them too. */
const isRevision = (name: string): boolean =>
  /^\w[\w./-]{0,199}$/.test(name) && !name.split('/').some((step) => step === '' || /^\.+$/.test(step));

const DEFAULT_HUB = 'https://huggingface.co';

/** Seconds that the hub may be silent, as for the tools of Hugging Face. */
const DEFAULT_TIMEOUT = 10;

function timeoutOf({ timeoutSeconds }: HubOptions): number {
  const named = process.env['HF_HUB_DOWNLOAD_TIMEOUT'];
  const seconds = timeoutSeconds ?? (named === undefined || named === '' ? DEFAULT_TIMEOUT : Number(named));
  if (seconds > 0 && seconds <= 86_400) return 1000 * seconds;
  throw new CheckpointError(
    `timeoutSeconds (HF_HUB_DOWNLOAD_TIMEOUT) must be above 0 and at most 86400 seconds, got ${seconds}.`,
  );
}

async function importHub(): Promise<Hub> {
  try {
    return await import('@huggingface/hub');
  } catch (cause) {
    throw new CheckpointError(
      'models of the hub need the package @huggingface/hub, which is not installed: npm install @huggingface/hub@2.17.5.',
      { cause },
    );
  }
}

/** Fetches config, companions, and weights last: a snapshot that has its weights has all of its files. */
async function fetchFiles(model: HubModel, name: string, folder: string): Promise<void> {
  const found = await model.list([CONFIG_FILE, WEIGHTS_FILE, INDEX_FILE, ...COMPANION_FILES]);
  const config = found.get(CONFIG_FILE);
  const [single, index] = [found.get(WEIGHTS_FILE), found.get(INDEX_FILE)];
  const weights = single ?? index;
  if (config === undefined || weights === undefined) {
    const absent = config === undefined ? CONFIG_FILE : `${WEIGHTS_FILE} or ${INDEX_FILE}`;
    throw new CheckpointError(`${name} on the hub has no ${absent}: it is no checkpoint in safetensors.`);
  }
  for (const info of [config, ...COMPANION_FILES.map((file) => found.get(file))]) {
    if (info !== undefined) await model.fetch(info);
  }
  await model.fetch(weights);
  if (single !== undefined) return;
  const shards = parseWeightIndex(name, readJsonFile(join(folder, INDEX_FILE), JSON_LIMITS));
  const files = [...new Set(shards.values())].sort();
  const listed = await model.list(files);
  const absent = files.filter((file) => !listed.has(file));
  if (absent.length > 0)
    throw new CheckpointError(`${name} on the hub lacks files of its index: ${absent.join(', ')}.`);
  for (const info of listed.values()) await model.fetch(info);
}

/**
 * The folder in the cache with the files of a model of the hub: config.json, the weights in safetensors, and the files of
 * its tokenizer. What is not there is fetched; a download that broke off goes on where it ended, and all files are checked
 * against their hashes. Several processes may fetch one model at once. Without a network, what is in the cache is used.
 *
 * @throws CheckpointError in one line: not found, gated, no network, no checkpoint
 */
export async function fetchCheckpoint(name: string, options: HubOptions = {}): Promise<string> {
  const { env } = process;
  const { revision = 'main', token = env['HF_TOKEN'], hubUrl = env['HF_ENDPOINT'] || DEFAULT_HUB } = options;
  const { offline = !['', '0', undefined].includes(env['HF_HUB_OFFLINE']), onProgress } = options;
  if (!isRevision(revision))
    throw new CheckpointError(`${name}: ${quote(revision)} is no branch, tag or commit of the hub.`);
  const hub = await importHub();
  const cacheFolder = options.cacheFolder ?? hub.getHFHubCachePath();
  const cache = new HubCache(cacheFolder, name);
  const cached = await cache.find(revision);
  // What a commit holds never changes.
  if (cached !== undefined && (offline || isCommit(revision))) return cached;
  if (offline) {
    throw new CheckpointError(
      `${name} with revision ${revision} is not in the cache ${cacheFolder}, and offline nothing is fetched.`,
    );
  }
  const access = { hubUrl: hubUrl.replace(/\/+$/, ''), token: token?.trim(), timeout: timeoutOf(options) };
  checkHubUrl(access);
  try {
    const { sha } = await hub.modelInfo({
      name,
      revision,
      additionalFields: ['sha'],
      hubUrl: access.hubUrl,
      fetch: boundedFetch(access, LISTING_BYTES),
    });
    if (!isCommit(String(sha))) throw new CheckpointError(`${hubUrl} gives no valid commit of ${name}.`);
    if (!(await cache.isComplete(sha))) {
      const model = new HubModel(hub, cache, { name, commit: sha }, access, onProgress);
      await fetchFiles(model, name, cache.snapshot(sha));
    }
    await cache.remember(revision, sha);
    return cache.snapshot(sha);
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    if (cached !== undefined && isUnreachable(error)) return cached;
    throw hubError(name, hubUrl, revision, error);
  }
}
