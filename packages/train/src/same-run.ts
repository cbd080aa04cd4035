import { RunFolderError } from './errors.js';
import type { RunRecord } from './events.js';
import { parseRecipe, type Recipe } from './recipe.js';

/**
 * Makes sure that a run would go on as it began.
 *
 * @param path - folder of the run, for messages
 * @throws RunFolderError when settings, data or pretrained model are others than before
 */
export function checkSameRun(path: string, before: RunRecord, now: RunRecord): void {
  const earlier = recipeOf(path, before);
  for (const [file, hash] of Object.entries(before.data ?? {}))
    if (now.data?.[file] !== undefined && now.data[file] !== hash) throw changedSince(path, file);
  const from = String(earlier.model['from']);
  for (const [name, hash] of Object.entries(before.model ?? {}))
    if (now.model !== undefined && now.model[name] !== hash)
      throw changedSince(path, `model.from ${from}: ${name}`);
  const identity = (recipe: Recipe, { objective, settings, seed }: RunRecord): string =>
    JSON.stringify(sorted({ recipe, objective, settings, seed }));
  if (identity(earlier, before) === identity(now.recipe, now)) return;
  const changed = Object.keys(now.recipe).filter(
    (key) =>
      JSON.stringify(sorted(earlier[key as never])) !== JSON.stringify(sorted(now.recipe[key as never])),
  );
  const what =
    changed.length > 0 ? `other settings (${changed.join(', ')})` : 'another objective, seed or settings';
  throw new RunFolderError(`${path} holds a run with ${what}. Choose another --out, or remove the folder.`);
}

const changedSince = (path: string, what: string): RunFolderError =>
  new RunFolderError(
    `${what} has changed since the run in ${path} began. Put the old file back, or choose another --out.`,
  );

/** The recipe of a record, with defaults for settings that are newer than the record. */
function recipeOf(path: string, { recipe }: RunRecord): Recipe {
  try {
    return parseRecipe(recipe);
  } catch (cause) {
    throw new RunFolderError(
      `${path} holds a run of another version of Foretoken, whose recipe this one refuses (${(cause as Error).message}). Choose another --out.`,
      { cause },
    );
  }
}

/** The same settings with names in one order, whichever order a file has them in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}
