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
import { formatTable } from '../format.js';
import { measureRows, settingRows, settingsTable, shown } from '../setting-rows.js';

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

const write = (output: string): void => void process.stdout.write(asCalled(output));

function tellRecipe(recipe: Recipe, json: boolean): void {
  const { name, title, description } = recipe;
  const rows = settingRows(recipe);
  if (json) {
    write(toJson({ name, title, description, settings: rows }));
    return;
  }
  write(`${name}\n  ${title}. ${description}\n\n${settingsTable(rows)}\n`);
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
      write(
        `${recipe.name}\n  ${recipe.title}. ${recipe.description}\n  at most ${describeBudget(recipe)} of ${recipe.batch} sequences\n\n`,
      );
    }
    const [first] = recipes;
    if (first === undefined) return;
    write(`Settings (flags of compare and train): ${settingKeys(first).join(', ')}\n`);
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

const settingsOn = ({ set, variants, prepare }: StudyDataset): string =>
  [
    shown(set),
    ...Object.entries(variants).map(([variant, own]) => `${variant}: ${shown(own)}`),
    ...(prepare === undefined ? [] : [`prepare: ${shown(prepare)}`]),
  ].join('; ');

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
  const table = (header: string[], cells: string[][]): string => `${formatTable(header, cells, 'left')}\n\n`;
  write(
    `${name}\n  ${title}. ${description}\n  seeds ${seeds.join(', ')}; equal ${budgets.join(' and ')}\n\n`,
  );
  write(
    table(
      ['variant', 'objective', 'settings of its own'],
      variants.map((each) => [each.name, each.objective, shown(each.set)]),
    ),
  );
  const named = datasets.filter((each) => each.name !== '');
  if (named.length > 0)
    write(
      table(
        ['data', 'settings of its own'],
        named.map((each) => [each.name, settingsOn(each)]),
      ),
    );
  write(`${settingsTable(rows)}\n`);
  if (measured.length > 0) write(`\n${settingsTable(measured)}\n`);
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
      const { variants, seeds, budgets } = study;
      write(
        `${study.name}\n  ${study.title}. ${study.description}\n  ${variants.map((each) => each.name).join(', ')}${dataOf(study)}; seeds ${seeds.join(', ')}; equal ${budgets.join(' and ')}\n\n`,
      );
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
      const rows = settings.map((setting) => [
        `${name}.${setting.name}`,
        setting.type,
        setting.default === undefined ? '-' : String(setting.default),
        setting.description,
      ]);
      write(`${name}: ${title}. ${description}\n`);
      write(`${formatTable(['setting', 'type', 'default', 'meaning'], rows, 'left')}\n\n`);
    }
  },
});
