import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { reasonOf } from '@foretoken/input/node';
import { isAbandoned, newMark } from '@foretoken/models/node';
import { type HostTensor, safetensorsPieces } from '@foretoken/nn';
import { RunFolderError } from './errors.js';

export { reasonOf };

/**
 * Runs what writes below a path.
 *
 * @throws RunFolderError in one line, where the system refuses
 */
export function writing<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    const kept = existsSync(dirname(path))
      ? 'Finished checkpoints are kept; the same command resumes from the last one.'
      : 'Its folder is gone.';
    throw new RunFolderError(`cannot write ${path}: ${reasonOf(cause)}. ${kept}`, { cause });
  }
}

/** The folders above a path that are not there yet, and itself; the highest first. */
function absentFolders(path: string): string[] {
  const absent: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) absent.unshift(folder);
  return absent;
}

/**
 * Makes a folder, and those above it. One after the other: where the disk is read-only, Node's own way says that there
 * is no such folder.
 *
 * @returns the highest folder that was made, undefined where all were there
 * @throws RunFolderError in one line, where the system refuses
 */
export function makeFolder(path: string): string | undefined {
  try {
    const absent = absentFolders(path);
    // Where all are there, a file in the way is told.
    for (const folder of absent.length === 0 ? [resolve(path)] : absent)
      mkdirSync(folder, { recursive: absent.length === 0 });
    return absent[0];
  } catch (cause) {
    throw new RunFolderError(`cannot make the folder ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

/** The end of names of files that are being written. */
export const PARTIAL = '.partial';

/** Bytes of one system call, which may not write 2 GiB or more. */
const CALL_BYTES = 2 ** 26;

/** Writes all of `bytes` to an open file: at its end, or at a position. */
export function writeAll(file: number, bytes: Uint8Array, position?: number): void {
  for (let written = 0; written < bytes.length; ) {
    const wanted = Math.min(CALL_BYTES, bytes.length - written);
    const at = position === undefined ? null : position + written;
    written += writeSync(file, bytes, written, wanted, at);
  }
}

/** Removes what processes that were killed have left of a file beside it. */
function removeHalvesOf(path: string): void {
  const [folder, start] = [dirname(path), `${basename(path)}.`];
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(start) || !name.endsWith(PARTIAL)) continue;
    if (isAbandoned(name.slice(start.length, -PARTIAL.length))) removeQuietly(join(folder, name));
  }
}

/**
 * Writes a file so that a reader, or a machine that lost power, sees the old contents or the new, never a part.
 *
 * @param fill - writes the contents to the open file
 * @throws RunFolderError in one line, where the system refuses; the old contents are then still there
 */
export function fillAtomic(path: string, fill: (file: number) => void): void {
  const temporary = `${path}.${newMark()}${PARTIAL}`;
  writing(path, () => {
    try {
      const file = openSync(temporary, 'w');
      try {
        fill(file);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
      syncFolder(dirname(path));
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
    removeHalvesOf(path);
  });
}

/** As `fillAtomic`, for contents that are at hand. */
export function writeAtomic(path: string, contents: string | Uint8Array): void {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
  fillAtomic(path, (file) => writeAll(file, bytes));
}

/** As `fillAtomic`, for a file of tensors, of which no second copy is made. */
export function writeTensorsAtomic(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  fillAtomic(path, (file) => {
    for (const piece of safetensorsPieces(tensors, metadata)) writeAll(file, piece);
  });
}

/** Removes a file where that is not what matters, or on the way out of an error that the caller should hear of. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Part of its path is gone, it is a folder, or the disk is read-only.
  }
}

/** Makes a rename durable; not every system lets folders be opened. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    if (process.platform !== 'win32') throw error;
  }
}

/** JSON as people read it. */
export const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
