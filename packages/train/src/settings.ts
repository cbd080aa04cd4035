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
];

/** A setting that nothing is known of but its name. */
const UNKNOWN: SettingDescription = { type: 'any', types: new Set(), description: '' };

/** Everything that can be set in a recipe, by the key under which it is given. */
export function settingsOf(recipe: Recipe): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  const add = (key: string, path: readonly string[], description: SettingDescription = UNKNOWN): void =>
    void settings.set(key, { ...description, key, path });
  const known = describeSchema(recipeSchema.in);
  for (const key of TOP_KEYS) if (!DESCRIPTION.includes(key)) add(key, [key], known.get(key));
  for (const section of ['optimizer', 'evaluation'] as const) {
    for (const key of SECTION_KEYS[section])
      add(`${section}.${key}`, [section, key], known.get(`${section}.${key}`));
  }
  const lora = describeSchema(loraConfigSchema);
  for (const key of SECTION_KEYS.lora) add(`lora.${key}`, ['lora', key], lora.get(key));
  const { keys, modelKeys, objectives, schema, modelSettings } = taskOf(recipe).kind;
  const task = describeSchema(schema);
  for (const key of keys) add(`task.${key}`, ['task', ...key.split('.')], task.get(key));
  for (const key of modelKeys) add(`model.${key}`, ['model', key], modelSettings.get(key));
  for (const objective of objectives) {
    for (const [key, description] of describeSchema(objective.settings)) {
      if (!key.includes('.'))
        add(`${objective.name}.${key}`, ['objectives', objective.name, key], description);
    }
  }
  return settings;
}

/** What a recipe has for a setting; undefined where it says nothing. */
export function settingValue(recipe: Recipe, { path }: Setting): unknown {
  let value: unknown = recipe;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** All keys that `overrideRecipe` takes, for help texts. */
export const settingKeys = (recipe: Recipe): string[] => [...settingsOf(recipe).keys()];
