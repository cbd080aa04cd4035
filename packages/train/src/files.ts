import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that a reader, or a machine that lost power, sees the old contents or the new, never a part.
 */
export function writeAtomic(path: string, contents: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.partial`;
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
