import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { contentHash, type HubFile } from './hub-file.js';
import { isAbandoned, newMark } from './process-mark.js';

const INCOMPLETE = '.incomplete';

/** Bytes of a file; 0 where there is none. */
const bytesOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** Whether a file was given another name; false where it was gone, since another process was faster. */
const renamed = (from: string, to: string): Promise<boolean> =>
  rename(from, to).then(
    () => true,
    () => false,
  );

async function hashOf(path: string, hash: Hash): Promise<string> {
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * A file of the cache that is being fetched. Each process, and each of its downloads, writes to a file of its own, which
 * becomes the blob by one renaming: two that fetch the same file at once do it twice, and neither sees half of the other's.
 * What a download left that broke off is taken over by renaming it too, so that only one can have it.
 */
export class BlobDownload {
  readonly #blob: string;
  readonly path: string;

  private constructor(blob: string) {
    this.#blob = blob;
    this.path = `${blob}.${newMark()}${INCOMPLETE}`;
  }

  /** Begins a download, with what an earlier one left of this blob. @param blob - path where it shall lie */
  static async begin(blob: string): Promise<BlobDownload> {
    const download = new BlobDownload(blob);
    const left = await leftovers(blob);
    const [largest, ...others] = left.sort((a, b) => b.bytes - a.bytes);
    if (largest !== undefined) await renamed(largest.path, download.path);
    for (const { path } of others) await rm(path, { force: true });
    return download;
  }

  /** Bytes that have been fetched. */
  fetchedBytes(): Promise<number> {
    return bytesOf(this.path);
  }

  /** Forgets what has been fetched. */
  drop(): Promise<void> {
    return rm(this.path, { force: true });
  }

  /** Whether what was fetched has the contents that the hub lists. */
  async isWhole(file: HubFile): Promise<boolean> {
    return (await hashOf(this.path, contentHash(file))) === file.hash;
  }

  /** Whether what was fetched has this hash. */
  async hasSha256(expected: string): Promise<boolean> {
    return (await hashOf(this.path, createHash('sha256'))) === expected;
  }

  /** Puts the file in its place. */
  finish(): Promise<void> {
    return rename(this.path, this.#blob);
  }

  /** Leaves what has been fetched to the next download. */
  async leave(): Promise<void> {
    await renamed(this.path, `${this.#blob}.left${INCOMPLETE}`);
  }
}

/** What downloads of a blob left: those that failed, and those of processes that have ended. */
async function leftovers(blob: string): Promise<{ path: string; bytes: number }[]> {
  const [folder, name] = [dirname(blob), basename(blob)];
  const found: { path: string; bytes: number }[] = [];
  for (const file of await readdir(folder)) {
    // Without a mark it is of another program, which may still write to it.
    if (!file.startsWith(`${name}.`) || !file.endsWith(INCOMPLETE)) continue;
    const mark = file.slice(name.length + 1, -INCOMPLETE.length);
    if (mark !== 'left' && !isAbandoned(mark)) continue;
    const path = join(folder, file);
    found.push({ path, bytes: await bytesOf(path) });
  }
  return found;
}
