import { describeSettings } from '@foretoken/objectives';
import { RecipeError } from './errors.js';
import { nearest } from './nearest.js';
import { parseRecipe, type Recipe, SECTION_KEYS, TOP_KEYS, withoutOtherBudget } from './recipe.js';
import { taskOf } from './task-kinds.js';

type Settings = Record<string, unknown>;

/** Names at the top of a recipe that describe it rather than set anything. */
const DESCRIPTION = [
  'name',
  'title',
  'objective',
  'seed',
  'description',
  'task',
  'model',
  'lora',
  'objectives',
  'optimizer',
  'evaluation',
  'samples',
];

/** Where each setting lies in a recipe, by the key under which it is given. */
function settable(recipe: Recipe): Map<string, readonly string[]> {
  const places = new Map<string, readonly string[]>();
  for (const key of TOP_KEYS) if (!DESCRIPTION.includes(key)) places.set(key, [key]);
  for (const section of ['optimizer', 'evaluation', 'samples', 'lora'] as const) {
    for (const key of SECTION_KEYS[section]) places.set(`${section}.${key}`, [section, key]);
  }
  const { keys, modelKeys, objectives } = taskOf(recipe).kind;
  for (const key of keys) places.set(`task.${key}`, ['task', ...key.split('.')]);
  for (const key of modelKeys) places.set(`model.${key}`, ['model', key]);
  for (const objective of objectives) {
    for (const { name } of describeSettings(objective)) {
      places.set(`${objective.name}.${name}`, ['objectives', objective.name, name]);
    }
  }
  return places;
}

/** `true`, `1e-3` and `[1, 2]` as what they look like; anything else as text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * A recipe with some settings replaced.
 *
 * @param overrides - `key=value` each: `steps=200`, `optimizer.learningRate=1e-3`, `mutor.maxOffset=1`
 * @throws RecipeError for a key that no setting has, or a value that does not fit
 */
export function overrideRecipe(recipe: Recipe, overrides: readonly string[]): Recipe {
  const places = settable(recipe);
  const given = Object.fromEntries(overrides.map((override) => [override.split('=')[0], true]));
  const result: Settings = withoutOtherBudget(structuredClone(recipe), given);
  for (const override of overrides) {
    const cut = override.indexOf('=');
    if (cut < 1)
      throw new RecipeError(`--set ${override}: expected key=value, for instance mutor.maxOffset=1.`);
    const key = override.slice(0, cut);
    const place = places.get(key);
    if (place === undefined) {
      throw new RecipeError(
        `--set ${override}: no setting ${JSON.stringify(key)}.${nearest(key, [...places.keys()])}`,
      );
    }
    let section = result;
    for (const name of place.slice(0, -1)) {
      if (typeof section[name] !== 'object' || section[name] === null) section[name] = {};
      section = section[name] as Settings;
    }
    section[place[place.length - 1] as string] = parseValue(override.slice(cut + 1));
  }
  return parseRecipe(result);
}

/** All keys that `overrideRecipe` takes, for help texts. */
export const settingKeys = (recipe: Recipe): string[] => [...settable(recipe).keys()];
