import { publishedDataSets } from '@foretoken/data';
import { allObjectives } from '@foretoken/objectives';
import { recipes, studies, taskKinds } from '@foretoken/train';
import { type Application, type CommandContext, proposeCompletions } from '@stricli/core';
import { evaluationTasks } from './evaluate/tasks.js';
import { settingNames } from './settings.js';

/** Values of flags, and of arguments of commands, that can be listed. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  '--recipe': () => recipes.map(({ name }) => name),
  '--study': () => studies.map(({ name }) => name),
  '--task': () => taskKinds.map(({ name }) => name),
  '--objective': () => allObjectives.map(({ name }) => name),
  '--objectives': () => allObjectives.map(({ name }) => name),
  recipes: () => recipes.map(({ name }) => name),
  studies: () => studies.map(({ name }) => name),
  'evaluate --task': () => Object.keys(evaluationTasks),
};

const dataSetNames = (): readonly string[] => publishedDataSets.map(({ name }) => name);

/** What the last word can be where that can be listed, by what stands before it. */
function valuesBehind([command = '', ...rest]: readonly string[]): readonly string[] | undefined {
  // One name may follow another.
  if (command === 'data' && (rest[0] === 'get' || rest[0] === 'list')) return dataSetNames();
  const previous = rest.at(-1) ?? command;
  return (VALUES[`${command} ${previous}`] ?? VALUES[previous])?.();
}

/** The list behind the last comma, so that each of several can be completed. */
function listed(names: readonly string[], partial: string): string[] {
  const before = partial.slice(0, partial.lastIndexOf(',') + 1);
  return names.map((name) => `${before}${name}`);
}

/** What the last word of a command line could be. Words of which nothing is known are left to the shell: files. */
export async function completions(
  application: Application<CommandContext>,
  words: readonly string[],
  context: CommandContext,
): Promise<string[]> {
  const partial = words.at(-1) ?? '';
  const values = valuesBehind(words.slice(0, -1));
  const isFlag = partial.startsWith('-');
  if (values !== undefined && !isFlag)
    return listed(values, partial).filter((word) => word.startsWith(partial));
  const settings = isFlag ? settingNames(words.slice(0, -1)).filter((name) => !name.includes('.')) : [];
  const sections = isFlag && partial.includes('.') ? settingNames(words.slice(0, -1)) : [];
  const proposed = await proposeCompletions(application, words, context);
  const all = [
    ...proposed.map(({ completion }) => completion),
    ...[...settings, ...sections].map((name) => `--${name}`),
  ];
  return [...new Set(all)].filter((word) => word.startsWith(partial)).sort();
}
