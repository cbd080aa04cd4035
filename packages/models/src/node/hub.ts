import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { PathInfo } from '@huggingface/hub';
import { CheckpointError } from '../checkpoint/errors.js';
import { COMPANION_FILES, CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from '../checkpoint/layout.js';
import { parseWeightIndex } from '../checkpoint/weight-index.js';
import { HubCache, isCommit } from './hub-cache.js';
import { BlobDownload } from './hub-download.js';
import { hubError, isUnreachable } from './hub-errors.js';
import { readJsonFile } from './json-file.js';

export interface HubOptions {
  /** A branch, tag or commit. Default `main`. */
  readonly revision?: string;
  /** For private and gated models. Default: the environment's `HF_TOKEN`. */
  readonly token?: string | undefined;
  /** Where files are kept. Default as for all tools of Hugging Face: `HF_HUB_CACHE`, `HF_HOME`, `~/.cache/huggingface`. */
  readonly cacheFolder?: string;
  /** Use what is in the cache and no network. Default: whether the environment's `HF_HUB_OFFLINE` is set. */
  readonly offline?: boolean;
  /** Default: the environment's `HF_ENDPOINT`, or https://huggingface.co. */
  readonly hubUrl?: string;
  /** Called as files arrive. */
  readonly onProgress?: (progress: HubProgress) => void;
}

export interface HubProgress {
  readonly file: string;
  readonly fetchedBytes: number;
  readonly totalBytes: number;
}

/** Whether a name can be one of the hub: `organization/model`, or `model` for the oldest. */
export const isHubName = (name: string): boolean =>
  /^\w[\w.-]*(\/\w[\w.-]*)?$/.test(name) && !name.includes('..');

/** Attempts to fetch a file without getting any further, after which it is given up. */
const ATTEMPTS = 3;

const DEFAULT_HUB = 'https://huggingface.co';

type Hub = typeof import('@huggingface/hub');

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

/** Files of one model at one commit. */
class HubModel {
  readonly #hub: Hub;
  readonly #cache: HubCache;
  readonly #commit: string;
  readonly #name: string;
  readonly #access: { readonly hubUrl: string; readonly accessToken?: string };
  readonly #onProgress: HubOptions['onProgress'];

  constructor(
    hub: Hub,
    cache: HubCache,
    model: { readonly name: string; readonly commit: string },
    access: { readonly hubUrl: string; readonly accessToken?: string },
    onProgress: HubOptions['onProgress'],
  ) {
    this.#hub = hub;
    this.#cache = cache;
    this.#name = model.name;
    this.#commit = model.commit;
    this.#access = access;
    this.#onProgress = onProgress;
  }

  /** Those of the files that there are, with their sizes. */
  async list(files: readonly string[]): Promise<Map<string, PathInfo>> {
    const found = await this.#hub.pathsInfo({
      repo: this.#name,
      paths: [...files],
      revision: this.#commit,
      ...this.#access,
    });
    return new Map(found.filter(({ type }) => type === 'file').map((info) => [info.path, info]));
  }

  /** Puts a file into the snapshot, fetched as far as it is not in the cache. */
  async fetch(info: PathInfo): Promise<void> {
    const { path: file } = info;
    if (await this.#cache.hasFile(this.#commit, file)) return;
    const etag = info.lfs?.oid ?? info.xetHash ?? info.oid ?? '';
    if (!/^[\w-]+$/.test(etag))
      throw new CheckpointError(`the hub gives no valid hash of ${file} of ${this.#name}.`);
    if (!(await this.#cache.hasBlob(etag))) await this.#fetchBlob(info, etag);
    await this.#cache.link(this.#commit, file, etag);
  }

  async #fetchBlob(info: PathInfo, etag: string): Promise<void> {
    await this.#cache.makeBlobFolder();
    const download = await BlobDownload.begin(this.#cache.blob(etag));
    try {
      await this.#completeAndCheck(download, info);
      await download.finish();
    } catch (error) {
      await download.leave();
      throw error;
    }
  }

  /** Fetches a file; where it is large, it goes by the hash of its contents, and is checked against that. */
  async #completeAndCheck(download: BlobDownload, info: PathInfo): Promise<void> {
    const { path: file, lfs, size } = info;
    let resumed = (await download.fetchedBytes()) > 0;
    for (;;) {
      await this.#complete(download, file, lfs?.size ?? size);
      if (lfs === undefined || (await download.hasSha256(lfs.oid))) return;
      await download.drop();
      // What an earlier download left may have been wrong.
      if (!resumed)
        throw new CheckpointError(
          `${file} of ${this.#name} arrived with other contents than the hub says it has (SHA-256 ${lfs.oid}). Try again.`,
        );
      resumed = false;
    }
  }

  /** Fetches a file as far as it is not there, again where it breaks off. */
  async #complete(download: BlobDownload, file: string, totalBytes: number): Promise<void> {
    let fetched = await download.fetchedBytes();
    for (let failures = 0; fetched !== totalBytes || totalBytes === 0; ) {
      // More than there is cannot be the start of this file.
      if (fetched > totalBytes) await download.drop();
      const start = fetched > totalBytes ? 0 : fetched;
      const failure = await this.#append(download, file, start, totalBytes).catch((error: unknown) => error);
      if (failure !== undefined && !isUnreachable(failure)) throw failure;
      fetched = await download.fetchedBytes();
      if (fetched === totalBytes) return;
      const gotFurther = fetched > start && fetched < totalBytes;
      failures = gotFurther ? 0 : failures + 1;
      if (failures === ATTEMPTS) throw failure ?? this.#wrongSize(file, totalBytes);
    }
  }

  #wrongSize(file: string, totalBytes: number): CheckpointError {
    return new CheckpointError(
      `${file} of ${this.#name} should have ${totalBytes} bytes, and the hub sends another number of them.`,
    );
  }

  /** Fetches from byte `start` on, behind what is there. */
  async #append(download: BlobDownload, file: string, start: number, totalBytes: number): Promise<undefined> {
    const blob = await this.#hub.downloadFile({
      repo: this.#name,
      path: file,
      revision: this.#commit,
      ...this.#access,
    });
    if (blob === null) throw new CheckpointError(`the hub lists ${file} of ${this.#name}, and has it not.`);
    const rest = start === 0 ? blob : blob.slice(start, blob.size);
    const source = Readable.fromWeb(rest.stream() as ReadableStream);
    let fetchedBytes = start;
    source.on('data', (chunk: Uint8Array) => {
      fetchedBytes += chunk.length;
      this.#onProgress?.({ file, fetchedBytes, totalBytes });
    });
    await pipeline(source, createWriteStream(download.path, { flags: 'a' }));
    return undefined;
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
  const shards = parseWeightIndex(name, await readJsonFile(join(folder, INDEX_FILE)));
  const files = [...new Set(shards.values())].sort();
  const listed = await model.list(files);
  const absent = files.filter((file) => !listed.has(file));
  if (absent.length > 0)
    throw new CheckpointError(`${name} on the hub lacks files of its index: ${absent.join(', ')}.`);
  for (const info of listed.values()) await model.fetch(info);
}

/**
 * The folder in the cache with the files of a model of the hub: config.json, the weights in safetensors, and the files of
 * its tokenizer. What is not there is fetched; a download that broke off goes on where it ended, and large files are checked
 * against their hash. Several processes may fetch one model at once. Without a network, what is in the cache is used.
 *
 * @throws CheckpointError in one line: not found, gated, no network, no checkpoint
 */
export async function fetchCheckpoint(name: string, options: HubOptions = {}): Promise<string> {
  const { env } = process;
  const { revision = 'main', token = env['HF_TOKEN'], hubUrl = env['HF_ENDPOINT'] ?? DEFAULT_HUB } = options;
  const { offline = !['', '0', undefined].includes(env['HF_HUB_OFFLINE']), onProgress } = options;
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
  const access = { hubUrl, ...(token ? { accessToken: token } : {}) };
  try {
    const { sha } = await hub.modelInfo({ name, revision, additionalFields: ['sha'], ...access });
    if (!/^\w+$/.test(sha)) throw new CheckpointError(`${hubUrl} gives no valid commit of ${name}.`);
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
