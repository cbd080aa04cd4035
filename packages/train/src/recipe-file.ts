import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { RecipeError } from './errors.js';
import { reasonOf } from './files.js';
import { type Fields, isFields, merge } from './merge.js';
import { parseRecipe, type Recipe, withoutOtherBudget } from './recipe.js';
import { findRecipe } from './recipes.js';

/** Whether a name is that of a file, and not of a recipe that ships. */
export const isRecipeFile = (name: string): boolean => /\.(ya?ml|json)$/i.test(name) || /[\\/]/.test(name);

/** The settings in a YAML or JSON file. @throws RecipeError in one line, with the file */
export function readFields(path: string, what: 'recipe' | 'study' = 'recipe'): Fields {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RecipeError(`${what} ${path}: ${reasonOf(cause)}.`, { cause });
  }
  let fields: unknown;
  try {
    // YAML holds JSON.
    fields = parse(text, { prettyErrors: true });
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined;
    const reason = (cause as Error).message.split('\n')[0]?.replace(/ at line \d+.*$/, '');
    throw new RecipeError(`${what} ${path}${line === undefined ? '' : `:${line}`}: ${reason}.`, { cause });
  }
  if (isFields(fields)) return fields;
  throw new RecipeError(
    `${what} ${path}: ${text.trim() === '' ? 'the file is empty' : 'expected settings, name: value'}.`,
  );
}

/**
 * The recipe in a YAML or JSON file. With `base: NAME` it is that recipe that ships, with the settings of the file on top.
 * Its name is that of the file unless it has one.
 *
 * @throws RecipeError in one line, with the file
 */
export function loadRecipe(path: string): Recipe {
  const name = basename(path).replace(/\.\w+$/, '');
  try {
    return recipeOnBase({ name, ...readFields(path) });
  } catch (cause) {
    if (!(cause instanceof Error) || cause.message.includes(path)) throw cause;
    throw new RecipeError(`${path}: ${cause.message}`, { cause });
  }
}

/** A recipe from settings, on top of those of the recipe that ships which `base` names. @throws RecipeError */
export function recipeOnBase({ base, ...own }: Fields): Recipe {
  const below: Fields = base === undefined ? {} : findRecipe(String(base));
  // A task of another kind shares neither settings nor model with that of the base.
  const otherTask =
    isFields(own['task']) && isFields(below['task']) && own['task']['kind'] !== undefined
      ? own['task']['kind'] !== (below['task']['kind'] ?? 'star-graph')
      : false;
  const { title: _, name: __, ...shared } = otherTask ? { ...below, task: {}, model: {} } : below;
  return parseRecipe(merge(withoutOtherBudget(shared, own), own));
}

/** The recipe of a file, or the one that ships under this name. @throws RecipeError when there is none */
export const findOrLoadRecipe = (name: string): Recipe =>
  isRecipeFile(name) ? loadRecipe(name) : findRecipe(name);
