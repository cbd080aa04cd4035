import { RunFolderError } from '../errors.js';
import type { RunRecord } from '../events.js';
import { parseRecipe, type Recipe } from '../recipe.js';
import { FINGERPRINTS_VERSION, type Fingerprints } from './fingerprints.js';
import { decisive, sorted } from './run-identity.js';

/**
 * Makes sure that a run would resume as it began.
 *
 * @param path - folder of the run, for messages
 * @param finished - whether it only has to be told what it ended with
 * @throws RunFolderError when settings, data or pretrained model are others than before
 */
export function checkSameRun(path: string, before: RunRecord, now: RunRecord, finished = false): void {
  const earlier = recipeOf(path, before);
  checkSettings(path, earlier, before, now);
  checkSameFiles(path, before, now, finished);
}

/**
 * Makes sure that data, tokenizer and pretrained model are as they were when a run began.
 *
 * @param path - folder of the run, for messages
 * @param finished - whether data may be gone
 * @throws RunFolderError naming the first that is not
 */
export function checkSameFiles(
  path: string,
  before: RunRecord,
  now: Pick<RunRecord, 'data' | 'model'>,
  finished = false,
): void {
  const complete = before.fingerprints === FINGERPRINTS_VERSION;
  for (const [file, old, own] of compared(before.data, now.data, complete)) {
    // What a finished run was trained on need not be there any more.
    if (own !== old && (own !== undefined || !finished)) throw changedSince(path, file, own);
  }
  const from = String(before.recipe.model?.['from']);
  for (const [name, old, own] of compared(before.model, now.model, complete))
    if (own !== old) throw changedSince(path, `model.from ${from}: ${name}`, own);
}

function checkSettings(path: string, earlier: Recipe, before: RunRecord, now: RunRecord): void {
  const identity = (recipe: Recipe, { objective, settings, seed }: RunRecord): string =>
    JSON.stringify(sorted({ recipe: decisive(recipe), objective, settings, seed }));
  if (identity(earlier, before) === identity(now.recipe, now)) return;
  const [old, own] = [decisive(earlier), decisive(now.recipe)];
  const changed = Object.keys(own).filter(
    (key) => JSON.stringify(sorted(old[key])) !== JSON.stringify(sorted(own[key])),
  );
  const what =
    changed.length > 0 ? `other settings (${changed.join(', ')})` : 'another objective, seed or settings';
  throw new RunFolderError(`${path} holds a run with ${what}. Choose another --out, or remove the folder.`);
}

/**
 * Files whose fingerprints have to agree, with those from before.
 *
 * @param complete - whether all files were recorded that are today: then none may have been added
 */
function compared(
  before: Fingerprints = {},
  now: Fingerprints = {},
  complete: boolean,
): [file: string, before: string | undefined, now: string | undefined][] {
  const names = complete ? new Set([...Object.keys(before), ...Object.keys(now)]) : Object.keys(before);
  return [...names].map((name) => [name, before[name], now[name]]);
}

const changedSince = (path: string, what: string, now: string | undefined): RunFolderError =>
  new RunFolderError(
    `${what} ${now === undefined ? 'is gone, and was there when' : 'has changed since'} the run in ${path} began. Put the old file back, or choose another --out.`,
  );

/** Settings that a recipe left out when their default was another one. */
function withEarlierDefaults(recipe: Recipe): unknown {
  const { optimizer } = recipe;
  const isSplit = Number(optimizer?.accumulate ?? 1) > 1;
  if (!isSplit || optimizer.lossAverage !== undefined) return recipe;
  return { ...recipe, optimizer: { ...optimizer, lossAverage: 'microBatches' } };
}

/** The recipe of a record, with defaults for settings that are newer than the record. */
function recipeOf(path: string, { recipe }: RunRecord): Recipe {
  try {
    return parseRecipe(withEarlierDefaults(recipe));
  } catch (cause) {
    throw new RunFolderError(
      `${path} holds a run of another version of Foretoken, whose recipe this one refuses (${(cause as Error).message}). Choose another --out.`,
      { cause },
    );
  }
}
