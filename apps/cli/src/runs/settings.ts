import { isJsonObject } from '@foretoken/input';
import type { RunInfo } from './run-info.js';

/** Settings that describe a recipe, and change nothing of a run. */
const DESCRIPTION = ['name', 'title', 'description'];

function flatten(value: unknown, key: string, found: Map<string, string>): void {
  if (isJsonObject(value)) {
    for (const [name, each] of Object.entries(value))
      flatten(each, key === '' ? name : `${key}.${name}`, found);
  } else if (value !== undefined) found.set(key, typeof value === 'string' ? value : JSON.stringify(value));
}

/** All settings of a run by their names on the command line. */
export function settingsOfRun({ record }: RunInfo): Map<string, string> {
  const { recipe, objective, settings, seed, adapter, versions, commit } = record;
  const { objectives: _, ...shared } = recipe;
  const found = new Map<string, string>();
  flatten({ recipe: recipe.name, objective, seed }, '', found);
  flatten(
    Object.fromEntries(Object.entries(shared).filter(([name]) => !DESCRIPTION.includes(name))),
    '',
    found,
  );
  // The objective of a recipe is a default, that of the run counts.
  found.set('objective', objective);
  found.set('seed', String(seed));
  flatten(settings, objective, found);
  flatten({ adapter: adapter?.name, commit, versions }, '', found);
  return found;
}

/** A setting that runs do not share, with its value in each; undefined where a run has none. */
export interface DifferentSetting {
  readonly name: string;
  readonly values: readonly (string | undefined)[];
}

/** The settings in which runs differ, in the order in which they come up. */
export function differentSettings(runs: readonly RunInfo[]): DifferentSetting[] {
  const all = runs.map(settingsOfRun);
  const names = [...new Set(all.flatMap((each) => [...each.keys()]))];
  return names
    .map((name) => ({ name, values: all.map((each) => each.get(name)) }))
    .filter(({ values }) => new Set(values).size > 1);
}
