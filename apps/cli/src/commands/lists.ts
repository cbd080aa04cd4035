import { allObjectives, describeSettings } from '@foretoken/objectives';
import { describeBudget, recipes, settingKeys, studies, toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { formatTable } from '../format.js';

interface Flags {
  readonly json: boolean;
}

const json = { json: { kind: 'boolean', default: false, brief: 'Print JSON' } } as const;

export const recipesCommand = buildCommand<Flags>({
  docs: { brief: 'List the recipes and their settings' },
  parameters: { flags: json },
  func(this: void, flags: Flags): void {
    if (flags.json) {
      process.stdout.write(toJson(recipes));
      return;
    }
    for (const recipe of recipes) {
      process.stdout.write(
        `${recipe.name}\n  ${recipe.title}. ${recipe.description}\n  at most ${describeBudget(recipe)} of ${recipe.batch} sequences\n\n`,
      );
    }
    const first = recipes[0];
    if (first)
      process.stdout.write(`Settings (flags of compare and train): ${settingKeys(first).join(', ')}\n`);
  },
});

export const studiesCommand = buildCommand<Flags>({
  docs: { brief: 'List the studies that ship' },
  parameters: { flags: json },
  func(this: void, flags: Flags): void {
    if (flags.json) {
      process.stdout.write(toJson(studies));
      return;
    }
    for (const { name, title, description, variants, datasets, seeds, budgets } of studies) {
      const data = datasets
        .filter((each) => each.name !== '')
        .map(({ name: each, firstSeeds: first }) =>
          first === undefined ? each : `${each} (${seeds.slice(0, first).length} of the seeds)`,
        );
      process.stdout.write(
        `${name}\n  ${title}. ${description}\n  ${variants.map((each) => each.name).join(', ')}${data.length > 0 ? ` on ${data.join(', ')}` : ''}; seeds ${seeds.join(', ')}; equal ${budgets.join(' and ')}\n\n`,
      );
    }
  },
});

export const objectivesCommand = buildCommand<Flags>({
  docs: { brief: 'List the objectives and their settings' },
  parameters: { flags: json },
  func(this: void, flags: Flags): void {
    const all = allObjectives.map((kind) => ({
      name: kind.name,
      title: kind.title,
      description: kind.description,
      settings: describeSettings(kind),
    }));
    if (flags.json) {
      process.stdout.write(toJson(all));
      return;
    }
    for (const { name, title, description, settings } of all) {
      const rows = settings.map((setting) => [
        `${name}.${setting.name}`,
        setting.type,
        setting.default === undefined ? '-' : String(setting.default),
        setting.description,
      ]);
      process.stdout.write(`${name}: ${title}. ${description}\n`);
      process.stdout.write(`${formatTable(['setting', 'type', 'default', 'meaning'], rows, 'left')}\n\n`);
    }
  },
});
