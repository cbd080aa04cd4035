import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isAbandoned, newMark } from './process-mark.js';
import { CALL_BYTES } from './safetensors-file.js';

/** Writes all of `bytes` at `position`, in pieces that the system allows. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const wanted = Math.min(CALL_BYTES, bytes.length - written);
    const { bytesWritten } = await file.write(bytes, written, wanted, position + written);
    written += bytesWritten;
  }
}

/** Fills a file with pieces, one after the other. */
export const writePieces =
  (pieces: Iterable<Uint8Array>) =>
  async (file: FileHandle): Promise<void> => {
    let position = 0;
    for (const piece of pieces) {
      await writeAt(file, piece, position);
      position += piece.length;
    }
  };

/** Fills a file with bytes. */
export const writeWhole =
  (bytes: Uint8Array) =>
  (file: FileHandle): Promise<void> =>
    writeAt(file, bytes, 0);

/** The bytes of a JSON file. */
export const toJson = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);

/** Makes what was done in a folder durable; not every system lets folders be opened. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  }
}

const PARTIAL = '.partial-';

/** Removes what processes left that were killed while they wrote. */
async function removeAbandoned(target: string): Promise<void> {
  for (const name of await readdir(target)) {
    if (name.startsWith(PARTIAL) && isAbandoned(name.slice(PARTIAL.length)))
      await rm(join(target, name), { recursive: true, force: true });
  }
}

/**
 * A folder inside the one that is written, where files are made whole and durable before any of them takes its place:
 * a reader, or a machine that lost power, sees no half of a file.
 */
export class Staging {
  readonly #target: string;
  readonly #folder: string;
  readonly #names: string[] = [];

  private constructor(
    target: string,
    folder: string,
    readonly isNew: boolean,
  ) {
    this.#target = target;
    this.#folder = folder;
  }

  /** Makes the target, where there is none, and the folder: in the target, so that renaming crosses no file system. */
  static async begin(target: string): Promise<Staging> {
    const path = resolve(target);
    const created = await mkdir(path, { recursive: true });
    await removeAbandoned(path);
    const folder = join(path, `${PARTIAL}${newMark()}`);
    await mkdir(folder);
    return new Staging(path, folder, created !== undefined);
  }

  /** Makes a file, which takes its place with `commit`. */
  async write(name: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    const file = await open(join(this.#folder, name), 'w');
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#names.push(name);
  }

  /** Puts all files in their places, in the order in which they were written. */
  async commit(): Promise<void> {
    for (const name of this.#names) await rename(join(this.#folder, name), join(this.#target, name));
    await rmdir(this.#folder);
    await syncFolder(this.#target);
  }

  /** Removes what has not taken its place, and a target that was made for it. */
  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    if (this.isNew) await rm(this.#target, { recursive: true, force: true });
  }
}
