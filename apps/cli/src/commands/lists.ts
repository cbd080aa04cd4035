import { allObjectives, describeSettings } from '@foretoken/objectives';
import {
  describeBudget,
  findOrLoadRecipe,
  findOrLoadStudy,
  type Recipe,
  recipes,
  type Study,
  type StudyDataset,
  settingKeys,
  studies,
  toJson,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { asCalled, programName } from '../called.js';
import { jsonFlag, text } from '../flags.js';
import { entry, listSettings, measureRows, settingRows, shown } from '../setting-rows.js';
import { pageWidth, paragraph } from '../wrap.js';

interface Flags {
  readonly json: boolean;
}

/** The one that all is to be told of; absent for the list. */
const oneOf = (what: string) =>
  ({
    kind: 'tuple',
    parameters: [
      { parse: text, optional: true, placeholder: 'name', brief: `${what}: all of its settings are told` },
    ],
  }) as const;

/** A recipe or study: its name, and what it is. */
const heading = (name: string, ...lines: string[]): string =>
  [name, ...lines.map((line) => paragraph(asCalled(line), pageWidth(), 2))].join('\n');

const write = (output: string): void => void process.stdout.write(asCalled(output));

function tellRecipe(recipe: Recipe, json: boolean): void {
  const { name, title, description } = recipe;
  const rows = settingRows(recipe);
  if (json) {
    write(toJson({ name, title, description, settings: rows }));
    return;
  }
  write(`${heading(name, `${title}. ${description}`)}\n\n${listSettings(rows)}\n`);
}

export const recipesCommand = buildCommand<Flags, [string?]>({
  docs: {
    brief: 'List the recipes; of one all settings with value, default and meaning',
    fullDescription:
      'A name of the list, or a YAML or JSON file, shows every setting that compare and train take as a flag.',
  },
  parameters: { flags: { json: jsonFlag }, positional: oneOf('Recipe') },
  func(this: void, { json }: Flags, name?: string): void {
    if (name !== undefined) {
      tellRecipe(findOrLoadRecipe(name), json);
      return;
    }
    if (json) {
      write(toJson(recipes));
      return;
    }
    for (const recipe of recipes) {
      const { name: of, title, description, batch } = recipe;
      const budget = `at most ${describeBudget(recipe)} of ${batch} sequences`;
      write(`${heading(of, `${title}. ${description}`, budget)}\n\n`);
    }
    const [first] = recipes;
    if (first === undefined) return;
    const settings = `Settings (flags of compare and train): ${settingKeys(first).join(', ')}`;
    write(`${paragraph(settings, pageWidth())}\n`);
    write(`What they mean: ${programName()} recipes ${first.name}\n`);
  },
});

/** The data of a study in a few words. */
function dataOf({ datasets, seeds }: Study): string {
  const data = datasets
    .filter(({ name }) => name !== '')
    .map(({ name, firstSeeds: first }) =>
      first === undefined ? name : `${name} (${seeds.slice(0, first).length} of the seeds)`,
    );
  return data.length > 0 ? ` on ${data.join(', ')}` : '';
}

/** Settings that something has of its own; nothing where it has none. */
const shownSet = (set: Readonly<Record<string, unknown>>): string =>
  Object.keys(set).length === 0 ? '' : shown(set);

const settingsOn = ({ set, variants, prepare }: StudyDataset): string =>
  [
    shownSet(set),
    ...Object.entries(variants).map(([variant, own]) => `${variant}: ${shown(own)}`),
    ...(prepare === undefined ? [] : [`prepare: ${shown(prepare)}`]),
  ]
    .filter((text) => text !== '')
    .join('; ');

function tellStudy(study: Study, json: boolean): void {
  const { name, title, description, variants, datasets, seeds, budgets, recipe, measure } = study;
  const [rows, measured] = [settingRows(recipe), measureRows(recipe, measure)];
  if (json) {
    write(
      toJson({
        name,
        title,
        description,
        variants,
        datasets,
        seeds,
        budgets,
        settings: rows,
        measure: measured,
      }),
    );
    return;
  }
  const blocks = [
    heading(name, `${title}. ${description}`, `seeds ${seeds.join(', ')}; equal ${budgets.join(' and ')}`),
    variants.map((each) => entry(`variant ${each.name}: ${each.objective}`, shownSet(each.set))).join('\n'),
    datasets
      .filter((each) => each.name !== '')
      .map((each) => entry(`data ${each.name}`, settingsOn(each)))
      .join('\n'),
    listSettings(rows),
    listSettings(measured),
  ];
  write(`${blocks.filter((block) => block !== '').join('\n\n')}\n`);
}

export const studiesCommand = buildCommand<Flags, [string?]>({
  docs: {
    brief: 'List the studies that ship; of one all settings with value, default and meaning',
    fullDescription:
      'A name of the list, or a YAML or JSON file, shows its variants, its data and every setting.',
  },
  parameters: { flags: { json: jsonFlag }, positional: oneOf('Study') },
  func(this: void, { json }: Flags, name?: string): void {
    if (name !== undefined) {
      tellStudy(findOrLoadStudy(name), json);
      return;
    }
    if (json) {
      write(toJson(studies));
      return;
    }
    for (const study of studies) {
      const { variants, seeds, budgets, title, description } = study;
      const runs = `${variants.map((each) => each.name).join(', ')}${dataOf(study)}; seeds ${seeds.join(', ')}; equal ${budgets.join(' and ')}`;
      write(`${heading(study.name, `${title}. ${description}`, runs)}\n\n`);
    }
  },
});

export const objectivesCommand = buildCommand<Flags>({
  docs: { brief: 'List the objectives and their settings' },
  parameters: { flags: { json: jsonFlag } },
  func(this: void, flags: Flags): void {
    const all = allObjectives.map((kind) => ({
      name: kind.name,
      title: kind.title,
      description: kind.description,
      settings: describeSettings(kind),
    }));
    if (flags.json) {
      write(toJson(all));
      return;
    }
    for (const { name, title, description, settings } of all) {
      const rows = settings.map((setting) => ({
        setting: `${name}.${setting.name}`,
        type: setting.type,
        value: setting.default ?? null,
        default: setting.default ?? null,
        meaning: setting.description,
      }));
      write(`${heading(name, `${title}. ${description}`)}\n\n`);
      write(`${rows.length === 0 ? '  no settings' : listSettings(rows)}\n\n`);
    }
  },
});
