import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '@foretoken/input/node';
import { UsageError } from '../errors.js';
import { readFields } from '../models/json-fields.js';
import { type RunInfo, readRun } from './run-info.js';

/** Folders of folders that are searched. */
const DEEPEST = 6;

/** Whether a folder is one of a run: it has a log, or a record that names a recipe. */
export function isRunFolder(folder: string): boolean {
  if (existsSync(join(folder, 'metrics.jsonl'))) return true;
  if (statSync(join(folder, 'config.json'), { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    return 'recipe' in readFields(folder, 'config.json');
  } catch {
    return false;
  }
}

function foldersBelow(folder: string, found: string[], tell: (line: string) => void, depth = 0): void {
  if (isRunFolder(folder)) {
    found.push(folder);
    return;
  }
  if (depth === DEEPEST) return;
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    tell(`${folder}: skipped: ${reasonOf(error)}`);
    return;
  }
  for (const { name } of entries
    .filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1)))
    foldersBelow(join(folder, name), found, tell, depth + 1);
}

/**
 * The runs in and below folders, in the order of their paths. Damaged ones are skipped with a line.
 *
 * @throws UsageError for a folder that is not there, or where a damaged run is all there is
 */
export function findRuns(folders: readonly string[], tell: (line: string) => void): RunInfo[] {
  const found: string[] = [];
  for (const folder of folders) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new UsageError(`there is no folder ${folder}.`);
    foldersBelow(folder, found, tell);
  }
  const paths = [...new Set(found)];
  return paths.flatMap((path) => {
    const run = readRun(path);
    if (typeof run === 'string') {
      if (paths.length === 1) throw new UsageError(run.replace(': skipped: ', ': '));
      tell(run);
      return [];
    }
    run.problems.forEach(tell);
    return [run];
  });
}
