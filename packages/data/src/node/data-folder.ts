import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { findPublishedDataSet, publishedDataSets } from '../data-sets/catalog.js';
import { DataFileError } from '../errors.js';

/** The folder that holds data sets, each in a folder of its own: what FORETOKEN_DATA names, else `data` in the current one. */
export const dataFolder = (): string => process.env['FORETOKEN_DATA'] || 'data';

/**
 * Where a file or folder is that a recipe or a command names: an absolute path and one that exists from the current folder
 * mean themselves, anything else what lies below the data folder. A path that is in neither place is returned as it is.
 */
export function findData(path: string): string {
  if (path === '' || isAbsolute(path) || existsSync(path)) return path;
  const below = join(dataFolder(), path);
  return existsSync(below) ? below : path;
}

/**
 * `findData` for the name of a model, which may also be one of the hub.
 *
 * @throws DataFileError for a model that `foretoken data get` knows and that is in neither place
 */
export function findModelData(name: string): string {
  const path = findData(name);
  if (findPublishedDataSet(name) === undefined || existsSync(path)) return path;
  throw new DataFileError(`${name}: there is no such folder.${howToGetData(name)}`);
}

/**
 * What to say of a path that was not found, behind the statement that it is missing: where it was looked for besides, and
 * how to get it where it belongs to a data set that can be fetched by name.
 */
export function howToGetData(path: string): string {
  const words = path.split(/[\\/]/);
  const name = publishedDataSets.find((each) => words.includes(each.name))?.name;
  const looked = isAbsolute(path) ? '' : ` There is none in the data folder ${dataFolder()} either.`;
  return `${looked}${name === undefined ? '' : ` "foretoken data get ${name}" fetches it.`}`;
}
