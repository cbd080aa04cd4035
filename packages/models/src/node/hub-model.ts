import { createWriteStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CheckpointError } from '../checkpoint/errors.js';
import type { HubCache } from './hub-cache.js';
import { BlobDownload } from './hub-download.js';
import { HubStatusError, isUnreachable } from './hub-errors.js';
import { askHub, boundedFetch, type HubAccess, TooManyBytes } from './hub-fetch.js';
import { type HubFile, hubFile } from './hub-file.js';

/** How far a file of the hub has been fetched. */
export interface HubProgress {
  readonly file: string;
  readonly fetchedBytes: number;
  readonly totalBytes: number;
}

export type Hub = typeof import('@huggingface/hub');

/** Attempts to fetch a file without getting much further, after which it is given up. */
const ATTEMPTS = 3;
/** Bytes after which an attempt that broke off did get further. */
const FURTHER = 2 ** 20;
/** Of an answer that lists files. */
export const LISTING_BYTES = 2 ** 23;

/** One commit of a model. */
export interface HubCommit {
  readonly name: string;
  readonly commit: string;
}

/** Files of one model at one commit. */
export class HubModel {
  readonly #hub: Hub;
  readonly #cache: HubCache;
  readonly #commit: string;
  readonly #name: string;
  readonly #access: HubAccess;
  readonly #onProgress: ((progress: HubProgress) => void) | undefined;

  constructor(
    hub: Hub,
    cache: HubCache,
    { name, commit }: HubCommit,
    access: HubAccess,
    onProgress: ((progress: HubProgress) => void) | undefined,
  ) {
    this.#hub = hub;
    this.#cache = cache;
    this.#name = name;
    this.#commit = commit;
    this.#access = access;
    this.#onProgress = onProgress;
  }

  /** Those of the files that there are, with sizes and hashes; others that the hub lists are passed over. */
  async list(files: readonly string[]): Promise<Map<string, HubFile>> {
    const found = await this.#hub.pathsInfo({
      repo: this.#name,
      paths: [...files],
      revision: this.#commit,
      hubUrl: this.#access.hubUrl,
      fetch: boundedFetch(this.#access, LISTING_BYTES),
    });
    const wanted = found.filter(({ path, type }) => type === 'file' && files.includes(path));
    return new Map(wanted.map((info) => [info.path, hubFile(this.#name, info)]));
  }

  /** Puts a file into the snapshot, fetched as far as it is not in the cache. */
  async fetch(file: HubFile): Promise<void> {
    if (await this.#cache.hasFile(this.#commit, file.path)) return;
    if (!(await this.#cache.hasBlob(file.hash))) await this.#fetchBlob(file);
    await this.#cache.link(this.#commit, file.path, file.hash);
  }

  async #fetchBlob(file: HubFile): Promise<void> {
    const folder = await this.#cache.makeBlobFolder();
    const { bavail, bsize } = await statfs(folder);
    if (file.size > bavail * bsize) {
      throw new CheckpointError(
        `${file.path} of ${this.#name} has ${file.size} bytes, and the disk of the cache has ${bavail * bsize} left.`,
      );
    }
    const download = await BlobDownload.begin(this.#cache.blob(file.hash));
    try {
      await this.#completeAndCheck(download, file);
      await download.finish();
    } catch (error) {
      await download.leave();
      throw error;
    }
  }

  /** Fetches a file, and checks it against the hash that it goes by. */
  async #completeAndCheck(download: BlobDownload, file: HubFile): Promise<void> {
    let resumed = (await download.fetchedBytes()) > 0;
    for (;;) {
      await this.#complete(download, file);
      if (await download.isWhole(file)) return;
      await download.drop();
      // What an earlier download left may have been wrong.
      if (!resumed)
        throw new CheckpointError(
          `${file.path} of ${this.#name} arrived with other contents than the hub says it has (${file.algorithm === 'git' ? 'git hash' : 'SHA-256'} ${file.hash}). Try again.`,
        );
      resumed = false;
    }
  }

  /** Fetches a file as far as it is not there, again where it breaks off. */
  async #complete(download: BlobDownload, file: HubFile): Promise<void> {
    for (let failures = 0; ; ) {
      let start = await download.fetchedBytes();
      if (start > file.size) {
        // More than there is cannot be the start of this file.
        await download.drop();
        start = 0;
      }
      const failure = await this.#append(download, file, start).catch((error: unknown) => error);
      const fetched = await download.fetchedBytes();
      if (fetched === file.size && failure === undefined) return;
      if (failure instanceof TooManyBytes) {
        await download.drop();
        // Only behind a start of another file may there be more than there is room for.
        if (start === 0) throw this.#wrongSize(file);
      } else if (failure !== undefined && !isUnreachable(failure)) throw failure;
      failures = fetched - start >= FURTHER && fetched <= file.size ? 0 : failures + 1;
      if (failures === ATTEMPTS) throw failure ?? this.#wrongSize(file);
    }
  }

  #wrongSize({ path, size }: HubFile): CheckpointError {
    return new CheckpointError(
      `${path} of ${this.#name} should have ${size} bytes, and the hub sends another number of them.`,
    );
  }

  /** Fetches from byte `start` on, behind what is there. */
  async #append(download: BlobDownload, { path, size }: HubFile, start: number): Promise<undefined> {
    const { hubUrl } = this.#access;
    const headers = start === 0 ? {} : { Range: `bytes=${start}-${size - 1}` };
    const address = `${hubUrl}/${this.#name}/resolve/${this.#commit}/${path}`;
    const { response, body } = await askHub(address, { headers }, this.#access, size);
    if (!response.ok) throw await HubStatusError.of(response.status, body);
    // A server that knows no ranges sends all of it.
    const begin = response.status === 206 ? start : 0;
    const progress = (pieceBytes: number): void => {
      fetchedBytes += pieceBytes;
      if (fetchedBytes > size) throw new TooManyBytes(`more than ${size} bytes came`);
      this.#onProgress?.({ file: path, fetchedBytes, totalBytes: size });
    };
    let fetchedBytes = begin;
    const counted = async function* (): AsyncGenerator<Uint8Array, void> {
      for await (const piece of body) {
        progress(piece.length);
        yield piece;
      }
    };
    await pipeline(
      Readable.from(counted()),
      createWriteStream(download.path, { flags: begin === 0 ? 'w' : 'a' }),
    );
    return undefined;
  }
}
