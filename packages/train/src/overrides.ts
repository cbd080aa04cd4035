import { typedSeparator, typedText } from '@foretoken/data';
import { didYouMean, parseJson, parseNumber, parseWholeNumber, quote } from '@foretoken/input';
import { RecipeError } from './errors.js';
import { parseRecipe, type Recipe, withoutOtherBudget } from './recipe.js';
import { type Setting, settingsOf } from './settings.js';

type Settings = Record<string, unknown>;

/** Settings of text, which other commands have flags for: both are read in the same way. */
const TYPED: Readonly<Record<string, (text: string, flag: string) => unknown>> = {
  'task.separator': typedSeparator,
  'task.template': (text) => (text === 'null' ? null : typedText(text)),
};

/** A text that is the JSON of something of one of these types, or undefined. */
function jsonOf(text: string, types: ReadonlySet<string>): { readonly value: unknown } | undefined {
  let value: unknown;
  try {
    value = parseJson(text, { what: 'value', maxLength: 100_000 });
  } catch {
    return undefined;
  }
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  return types.size === 0 || types.has(type) ? { value } : undefined;
}

/**
 * The value that a text stands for, by what its setting can be: text is taken as it is, also where it looks like a number;
 * numbers, `true`, `null`, lists and objects are as in JSON.
 *
 * @throws RecipeError where only a number will do, and it is none or out of range
 */
function valueOfText(text: string, { key, types, min, max }: Setting): unknown {
  const what = `--${key}`;
  if (text === '') throw new RecipeError(`${what}: expected a value, got nothing.`);
  const typed = TYPED[key];
  if (typed !== undefined) return typed(text, key) ?? null;
  const range = {
    what,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    error: RecipeError,
  };
  if (types.size === 1 && types.has('integer')) return parseWholeNumber(text, range);
  if (types.size === 1 && types.has('number')) return parseNumber(text, range);
  const json = jsonOf(text, types);
  if (json !== undefined) return json.value;
  // `.5` and `1e3` are numbers here, if not in JSON; what is no number is refused by the check of the recipe.
  if ((types.has('number') || types.has('integer')) && /^[-+.]?\d/.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
  }
  return text;
}

/**
 * A recipe with some settings replaced. Of two values for a setting the last one counts, so that a command can be repeated with a
 * change at its end.
 *
 * @param overrides - `key=value` each: `steps=200`, `optimizer.learningRate=1e-3`, `mutor.maxOffset=1`
 * @throws RecipeError for a key that no setting has, or a value that does not fit
 */
export function overrideRecipe(recipe: Recipe, overrides: readonly string[]): Recipe {
  const settings = settingsOf(recipe);
  const given = Object.fromEntries(overrides.map((override) => [override.split('=')[0], true]));
  const result: Settings = withoutOtherBudget(structuredClone(recipe), given);
  for (const override of overrides) {
    const cut = override.indexOf('=');
    if (cut < 1)
      throw new RecipeError(`--set ${quote(override)}: expected key=value, for instance mutor.maxOffset=1.`);
    const key = override.slice(0, cut);
    const setting = settings.get(key);
    if (setting === undefined) {
      throw new RecipeError(
        `--set ${quote(override)}: no setting ${quote(key)}.${didYouMean(key, [...settings.keys()])}`,
      );
    }
    let section = result;
    for (const name of setting.path.slice(0, -1)) {
      if (typeof section[name] !== 'object' || section[name] === null) section[name] = {};
      section = section[name] as Settings;
    }
    section[setting.path.at(-1) as string] = valueOfText(override.slice(cut + 1), setting);
  }
  return parseRecipe(result);
}
