import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nearestName, printable, shorten } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { DataFileError } from '../errors.js';
import { howToGetData } from './data-folder.js';

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Some of the names of a folder, for a message. */
export const someNames = (names: readonly string[]): string =>
  names
    .slice(0, 8)
    .map((name) => printable(shorten(name)))
    .join(', ') || 'nothing';

function missing(path: string): DataFileError {
  const folder = dirname(path);
  const names = namesIn(folder);
  const meant = nearestName(basename(path), names);
  const hint =
    meant !== undefined
      ? `; did you mean '${printable(meant)}'?`
      : names.length > 0
        ? `. The folder holds ${someNames(names)}.`
        : ` and no folder ${printable(shorten(folder, 200))} with files in it.`;
  return new DataFileError(
    `${printable(shorten(path, 200))}: there is no such file${hint}${howToGetData(path)}`,
  );
}

/** What the system says of a path; nothing where there is none, or its name is too long or holds a NUL. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Whether a folder is at a path. */
export const isFolder = (path: string): boolean => statsOf(path)?.isDirectory() === true;

/**
 * Checks that a regular file is there and not empty.
 *
 * @throws DataFileError otherwise, with the nearest name in the folder
 */
export function requireFile(path: string): Stats {
  const found = statsOf(path);
  if (found === undefined) throw missing(path);
  const name = printable(path);
  if (!found.isFile()) throw new DataFileError(`${name}: is no file. Give a file of the data set.`);
  if (found.size === 0) throw new DataFileError(`${name}: the file is empty.`);
  return found;
}

/**
 * The JSON of a file.
 *
 * @throws DataFileError when it is missing, empty or no JSON
 */
export function readJson(path: string): unknown {
  requireFile(path);
  return readJsonFile(path, { error: DataFileError, allowPrototypeField: true });
}
