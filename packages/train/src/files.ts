import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { RunFolderError } from './errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than the system allows',
  EEXIST: 'a file is in the way',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of its path is no folder',
};

/** Why the system refused something, in a few words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}

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
    throw new RunFolderError(
      `cannot write ${path}: ${reasonOf(cause)}. Finished checkpoints are kept; the same command goes on from the last one.`,
      { cause },
    );
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

/**
 * Writes a file so that a reader, or a machine that lost power, sees the old contents or the new, never a part.
 *
 * @throws RunFolderError in one line, where the system refuses; the old contents are then still there
 */
export function writeAtomic(path: string, contents: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}${PARTIAL}`;
  writing(path, () => {
    try {
      const file = openSync(temporary, 'w');
      try {
        const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
      syncFolder(dirname(path));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
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
