import { loraConfigSchema } from '@foretoken/models';
import { type Recipe, recipeSchema, SECTION_KEYS, TOP_KEYS } from './recipe.js';
import { describeSchema, type SettingDescription } from './setting-descriptions.js';
import { taskOf } from './task-kinds.js';

/** A setting of a recipe. */
export interface Setting extends SettingDescription {
  /** What it is given as: `steps`, `optimizer.learningRate`, `mutor.maxOffset`. */
  readonly key: string;
  /** Where it lies in the recipe. */
  readonly path: readonly string[];
  /** What it is when the recipe does not say, where other settings decide it. */
  readonly actual?: unknown;
}

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

/** Settings of a model that follow from its width and heads. */
const FOLLOWING = ['keyValueHeads', 'headWidth', 'mlpWidth', 'attentionScale'];

/** A setting that nothing is known of but its name. */
const UNKNOWN: SettingDescription = { type: 'any', types: new Set(), description: '' };

/** Everything that can be set in a recipe, by the key under which it is given. */
export function settingsOf(recipe: Recipe): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  const add = (
    key: string,
    path: readonly string[],
    description: SettingDescription & Pick<Setting, 'actual'> = UNKNOWN,
  ): void => void settings.set(key, { ...description, key, path });
  const known = describeSchema(recipeSchema.in);
  for (const key of TOP_KEYS) if (!DESCRIPTION.includes(key)) add(key, [key], known.get(key));
  for (const section of ['optimizer', 'evaluation', 'samples'] as const) {
    for (const key of SECTION_KEYS[section])
      add(`${section}.${key}`, [section, key], known.get(`${section}.${key}`));
  }
  const lora = describeSchema(loraConfigSchema);
  for (const key of SECTION_KEYS.lora) add(`lora.${key}`, ['lora', key], lora.get(key));
  const { keys, modelKeys, objectives, schema, modelSettings, describeModel } = taskOf(recipe).kind;
  const task = describeSchema(schema);
  for (const key of keys) add(`task.${key}`, ['task', ...key.split('.')], task.get(key));
  // The kind of model, and the patches that its images can be cut into, decide what the others are by default.
  const { from, preset, patch } = recipe.model;
  const own = Object.entries({ from, preset, patch }).filter(([, value]) => value !== undefined);
  const usual = describeModel(Object.fromEntries(own));
  const actual = describeModel(recipe.model);
  for (const key of modelKeys) {
    const known = modelSettings.get(key) ?? UNKNOWN;
    add(`model.${key}`, ['model', key], {
      ...known,
      ...(usual[key] === undefined || FOLLOWING.includes(key) ? {} : { default: usual[key] }),
      ...(actual[key] === undefined ? {} : { actual: actual[key] }),
    });
  }
  for (const objective of objectives) {
    for (const [key, description] of describeSchema(objective.settings)) {
      if (!key.includes('.'))
        add(`${objective.name}.${key}`, ['objectives', objective.name, key], description);
    }
  }
  return settings;
}

/** What a recipe has for a setting; undefined where neither it nor anything that it says decides it. */
export function settingValue(recipe: Recipe, { path, actual }: Setting): unknown {
  let value: unknown = recipe;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return actual;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** All keys that `overrideRecipe` takes, for help texts. */
export const settingKeys = (recipe: Recipe): string[] => [...settingsOf(recipe).keys()];
