import { printable } from '@foretoken/input';
import {
  describeSchema,
  imageMeasuresSchema,
  type Recipe,
  type SettingDescription,
  settingsOf,
  settingValue,
  textMeasuresSchema,
} from '@foretoken/train';
import { pageWidth, paragraph, wrapWords } from './wrap.js';

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
  if (typeof value === 'string') return JSON.stringify(value).slice(1, -1);
  // With spaces, between which a line can end.
  return JSON.stringify(value, undefined, 1).replace(/\s*\n\s*/g, ' ');
}

/** A name with what it stands for, and what is to be said of it below. */
export function entry(head: string, text: string, width = pageWidth()): string {
  const [first = '', ...rest] = wrapWords(printable(head), width);
  const lines = [first, ...rest.map((line) => `    ${line}`)].join('\n');
  return text === '' ? lines : `${lines}\n${paragraph(printable(text), width, 4)}`;
}

const sectionOf = (setting: string): string => setting.split('.').slice(0, -1).join('.');

/** Settings for a terminal: each with its value and, where that is another, its default; what it means below. */
export function listSettings(rows: readonly SettingRow[], width = pageWidth()): string {
  return rows
    .map(({ setting, value, default: usual, type, meaning }, at) => {
      const ownDefault = usual === null || shown(usual) === shown(value) ? '' : ` (default ${shown(usual)})`;
      const told = entry(
        `${setting} = ${shown(value)}${ownDefault}`,
        meaning === '' ? type : `${meaning} (${type})`,
        width,
      );
      const before = rows[at - 1]?.setting;
      return before === undefined || sectionOf(before) === sectionOf(setting) ? told : `\n${told}`;
    })
    .join('\n');
}
