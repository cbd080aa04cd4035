import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessAlive } from '@foretoken/models/node';
import { RunFolderError } from './errors.js';
import { reasonOf } from './files.js';

/** The process that a lock names; 0 where it has just been given back. */
function ownerOf(lock: string): number {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return 0;
  }
}

/**
 * Takes a folder for this process.
 *
 * @returns how to give it back
 * @throws RunFolderError when another process works in it, or it cannot be written
 */
export function takeLock(folder: string): () => void {
  const lock = join(folder, 'lock');
  for (;;) {
    try {
      const file = openSync(lock, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new RunFolderError(`cannot write ${lock}: ${reasonOf(error)}.`, { cause: error });
      }
    }
    const owner = ownerOf(lock);
    // A process that was killed leaves its lock behind; an own one is from an earlier run in this process.
    if (owner > 0 && owner !== process.pid && isProcessAlive(owner)) {
      throw new RunFolderError(`${folder} is in use by process ${owner}.`);
    }
    rmSync(lock, { force: true });
  }
}
