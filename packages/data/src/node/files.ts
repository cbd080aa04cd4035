import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DataFileError } from '../errors.js';
import { nearestName } from '../nearest-name.js';
import { howToGetData } from './data-folder.js';

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Checks that a file is there and not empty.
 *
 * @throws DataFileError otherwise, with the nearest name in the folder
 */
export function requireFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    const folder = dirname(path);
    const names = namesIn(folder);
    const meant = nearestName(basename(path), names);
    const hint =
      meant !== undefined
        ? `; did you mean '${meant}'?`
        : names.length > 0
          ? `. The folder holds ${names.slice(0, 8).join(', ')}.`
          : ` and no folder ${folder} with files in it.`;
    throw new DataFileError(`${path}: there is no such file${hint}${howToGetData(path)}`);
  }
  if (!found.isFile()) throw new DataFileError(`${path}: is no file. Give a file of the data set.`);
  if (found.size === 0) throw new DataFileError(`${path}: the file is empty.`);
}

/**
 * The JSON of a file.
 *
 * @throws DataFileError when it is missing, empty or no JSON
 */
export function readJson(path: string): unknown {
  requireFile(path);
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new DataFileError(`${path}: not JSON: ${(cause as Error).message}. Is the download complete?`, {
      cause,
    });
  }
}
