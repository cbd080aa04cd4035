import { didYouMean, printable, quote } from '@foretoken/input';
import { RecipeError } from '../errors.js';
import { nameOfFile } from '../plain-name.js';
import { isRecipeFile, readFields, recipeOnBase } from '../recipe-file.js';
import { studies } from './studies.js';
import { parseStudy, type Study } from './study.js';

/**
 * The study in a YAML or JSON file. Its name is that of the file unless it has one.
 *
 * @throws RecipeError in one line, with the file
 */
export function loadStudy(path: string): Study {
  const fields = readFields(path, 'study');
  const name = nameOfFile(path);
  try {
    return parseStudy({ name, ...fields }, (recipe) => recipeOnBase(recipe as Record<string, unknown>));
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new RecipeError(`${printable(path)}: ${cause.message}`, { cause });
  }
}

/** The study of a file, or the one that ships under this name. @throws RecipeError when there is none */
export function findOrLoadStudy(name: string): Study {
  if (isRecipeFile(name)) return loadStudy(name);
  const found = studies.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = studies.map((each) => each.name);
  throw new RecipeError(`no study ${quote(name)}.${didYouMean(name, names)} There are ${names.join(', ')}.`);
}
