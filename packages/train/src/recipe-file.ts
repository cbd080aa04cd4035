import { oneLine, parseJson, printable, quote, withTimeLimit } from '@foretoken/input';
import { readTextFile } from '@foretoken/input/node';
import { parseDocument } from 'yaml';
import { RecipeError } from './errors.js';
import { type Fields, isFields, merge } from './merge.js';
import { nameOfFile } from './plain-name.js';
import { parseRecipe, type Recipe, withoutOtherBudget } from './recipe.js';
import { findRecipe } from './recipes.js';

/** Whether a name is that of a file, and not of a recipe that ships. */
export const isRecipeFile = (name: string): boolean => /\.(ya?ml|json)$/i.test(name) || /[\\/]/.test(name);

/** More than any recipe or study has. */
const MOST_BYTES = 2 ** 20;
const DEEPEST = 50;
/** What reads a file of that size in milliseconds has been handed something else after so many seconds. */
const LONGEST_MILLISECONDS = 5000;

const TOO_DEEP = `settings are nested deeper than ${DEEPEST} levels`;

/** Brackets, and lists on one line, that a text of hand can have open at a time; the parser would take seconds. */
const MOST_OPEN = 1000;
const LISTS_IN_LISTS = new RegExp(`(?:[-?:]\\s){${MOST_OPEN}}`);

function isDeepText(text: string): boolean {
  let open = 0;
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    open += bracket === '[' || bracket === '{' ? 1 : -1;
    if (open > MOST_OPEN) return true;
  }
  return LISTS_IN_LISTS.test(text);
}

/** Of the parser, which goes down by calling itself. */
const isTooDeep = (problem: Error): boolean => /call stack/.test(problem.message);

/** The value of a YAML text: its own types alone, no tags, and aliases that stay small. @throws RecipeError in one line */
function parseYaml(text: string, place: string): unknown {
  const document = parseDocument(text, { schema: 'core', resolveKnownTags: false, logLevel: 'error' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    if (isTooDeep(problem)) throw new RecipeError(`${place}: ${TOO_DEEP}.`);
    const line = problem.linePos?.[0].line;
    const reason = problem.message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? '';
    throw new RecipeError(`${place}${line === undefined ? '' : `:${line}`}: ${oneLine(reason)}.`);
  }
  return document.toJS();
}

/** Why a value cannot be settings; undefined where it can. */
function refusalOf(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > DEEPEST) return TOO_DEEP;
  if (Object.hasOwn(value, '__proto__')) return 'no setting "__proto__"';
  for (const each of Object.values(value)) {
    const refusal = refusalOf(each, depth + 1);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The settings in a YAML or JSON file. @throws RecipeError in one line, with the file */
export function readFields(path: string, what: 'recipe' | 'study' = 'recipe'): Fields {
  const place = `${what} ${printable(path)}`;
  const text = readTextFile(path, { maxBytes: MOST_BYTES, error: RecipeError });
  if (isDeepText(text)) throw new RecipeError(`${place}: ${TOO_DEEP}.`);
  let fields: unknown;
  try {
    fields = /\.json$/i.test(path)
      ? parseJson(text, { what: place, maxDepth: DEEPEST, error: RecipeError })
      : withTimeLimit(() => parseYaml(text, place), {
          what: place,
          milliseconds: LONGEST_MILLISECONDS,
          error: RecipeError,
        });
  } catch (cause) {
    if (cause instanceof RecipeError) throw cause;
    const problem = cause as Error;
    throw new RecipeError(`${place}: ${isTooDeep(problem) ? TOO_DEEP : oneLine(problem.message)}.`, {
      cause,
    });
  }
  const refusal = refusalOf(fields, 0);
  if (refusal !== undefined) throw new RecipeError(`${place}: ${refusal}.`);
  if (isFields(fields)) return fields;
  throw new RecipeError(
    `${place}: ${text.trim() === '' ? 'the file is empty' : `expected settings, name: value, got ${quote(fields)}`}.`,
  );
}

/**
 * The recipe in a YAML or JSON file. With `base: NAME` it is that recipe that ships, with the settings of the file on top.
 * Its name is that of the file unless it has one.
 *
 * @throws RecipeError in one line, with the file
 */
export function loadRecipe(path: string): Recipe {
  const name = nameOfFile(path);
  try {
    return recipeOnBase({ name, ...readFields(path) });
  } catch (cause) {
    if (!(cause instanceof Error) || cause.message.includes(printable(path))) throw cause;
    throw new RecipeError(`${printable(path)}: ${cause.message}`, { cause });
  }
}

/** A recipe from settings, on top of those of the recipe that ships which `base` names. @throws RecipeError */
export function recipeOnBase({ base, ...own }: Fields): Recipe {
  if (base !== undefined && typeof base !== 'string')
    throw new RecipeError(`recipe: base: expected the name of a recipe that ships, got ${quote(base)}.`);
  const below: Fields = base === undefined ? {} : findRecipe(base);
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
