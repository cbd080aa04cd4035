import {
  describeSchema,
  imageMeasuresSchema,
  type Recipe,
  type SettingDescription,
  settingsOf,
  settingValue,
  textMeasuresSchema,
} from '@foretoken/train';
import { formatTable } from './format.js';

/** A setting as lists of settings show it. */
export interface SettingRow {
  readonly setting: string;
  readonly type: string;
  /** Null where nothing is said, and there is no default. */
  readonly value: unknown;
  readonly default: unknown;
  readonly meaning: string;
  readonly min?: number;
  readonly max?: number;
}

function row(
  setting: string,
  { type, default: usual, description, min, max }: SettingDescription,
  value: unknown,
): SettingRow {
  return {
    setting,
    type,
    value: value ?? usual ?? null,
    default: usual ?? null,
    meaning: description,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

/** Every setting of a recipe, as it is. */
export const settingRows = (recipe: Recipe): SettingRow[] =>
  [...settingsOf(recipe).values()].map((setting) => row(setting.key, setting, settingValue(recipe, setting)));

/** Every setting of what a study of such a recipe measures; none where its task measures nothing. */
export function measureRows({ task }: Recipe, measure: Readonly<Record<string, unknown>>): SettingRow[] {
  const schemas = { corpus: textMeasuresSchema, 'image-tokens': imageMeasuresSchema };
  const schema = Object.entries(schemas).find(([kind]) => kind === task['kind'])?.[1];
  if (schema === undefined) return [];
  return [...describeSchema(schema)].map(([name, setting]) => row(`measure.${name}`, setting, measure[name]));
}

/** A value as one line shows it. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
}

/** Settings as a table for a terminal. */
export const settingsTable = (rows: readonly SettingRow[]): string =>
  formatTable(
    ['setting', 'value', 'default', 'meaning'],
    rows.map(({ setting, value, default: usual, type, meaning }) => [
      setting,
      shown(value),
      shown(usual),
      meaning === '' ? type : `${meaning} (${type})`,
    ]),
    'left',
  );
