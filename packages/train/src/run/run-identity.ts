import { createHash } from 'node:crypto';
import type { RunRecord } from '../events.js';
import type { Recipe } from '../recipe.js';

/** The same settings with names in one order, whichever order a file has them in. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}

/**
 * What of a recipe decides what is trained: neither how it is described, nor how many checkpoints are kept, nor how long a
 * warm-up would be behind the last step.
 */
export function decisive(recipe: Recipe): Record<string, unknown> {
  const { title: _, description: _0, evaluation, ...rest } = recipe;
  const { keepCheckpoints: _1, ...measured } = evaluation ?? {};
  const { steps, optimizer } = rest;
  if (steps === undefined || !(optimizer?.warmupSteps > steps)) return { ...rest, evaluation: measured };
  return { ...rest, optimizer: { ...optimizer, warmupSteps: steps }, evaluation: measured };
}

/**
 * Digest of all that decides what a run trains: settings, seed, and the files that it reads. Checkpoints carry it.
 *
 * @param record - as it stands in the folder of the run, so that settings which are newer than the run change nothing
 */
export function runIdentity({ recipe, objective, settings, seed, data, model }: RunRecord): string {
  const decides = { recipe: decisive(recipe), objective, settings, seed, data, model };
  // As JSON has it: undefined is left out, as it is from the file.
  const text = JSON.stringify(sorted(JSON.parse(JSON.stringify(decides))));
  return createHash('sha256').update(text).digest('hex');
}
