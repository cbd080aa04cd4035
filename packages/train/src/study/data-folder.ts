import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { tokenizerToTrain } from '@foretoken/data';
import { isFields } from '../merge.js';
import type { Recipe } from '../recipe.js';
import type { Study } from './study.js';

/** Settings that hold paths. */
const inFolder = (folder: string, path: unknown): unknown =>
  typeof path === 'string' && !isAbsolute(path) ? join(folder, path) : path;

/** A tokenizer that is to be trained lies in no folder. */
const tokenizerIn = (folder: string, setting: unknown): unknown =>
  typeof setting === 'string' && tokenizerToTrain(setting) !== undefined
    ? setting
    : inFolder(folder, setting);

function filesIn(folder: string, files: unknown): unknown {
  if (!isFields(files)) return files;
  return Object.fromEntries(
    Object.entries(files).map(([split, paths]) => [
      split,
      Array.isArray(paths) ? paths.map((path) => inFolder(folder, path)) : inFolder(folder, paths),
    ]),
  );
}

/** Settings of a recipe with their relative paths below a folder. A model that is not there may be one of the hub. */
function pathsIn(folder: string, settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { task, model, ...others } = settings;
  const moved: Record<string, unknown> = others;
  if (isFields(task)) {
    moved['task'] = {
      ...task,
      ...('files' in task ? { files: filesIn(folder, task['files']) } : {}),
      ...('tokenizer' in task ? { tokenizer: tokenizerIn(folder, task['tokenizer']) } : {}),
    };
  }
  if (isFields(model)) {
    const from = inFolder(folder, model['from']);
    const isThere = typeof from === 'string' && existsSync(from);
    moved['model'] = isThere ? { ...model, from } : model;
  }
  return moved;
}

/** A study whose relative paths start from a folder, rather than from the current one. */
export function studyInFolder(study: Study, folder: string): Study {
  const move = <Each extends { readonly set: Record<string, unknown> }>(each: Each): Each => ({
    ...each,
    set: pathsIn(folder, each.set),
  });
  return {
    ...study,
    recipe: pathsIn(folder, study.recipe) as unknown as Recipe,
    variants: study.variants.map(move),
    datasets: study.datasets.map((data) => ({
      ...move(data),
      ...(data.prepare === undefined ? {} : { prepare: { data: folder, ...data.prepare } }),
      variants: Object.fromEntries(
        Object.entries(data.variants).map(([name, set]) => [name, pathsIn(folder, set)]),
      ),
    })),
  };
}
