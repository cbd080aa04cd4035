import { TaskUsageError } from './errors.js';
import { nearestName } from './nearest-name.js';
import { SPLITS, type Split } from './sequence-task.js';

/** @throws TaskUsageError unless `value` is an integer of at least `least` */
export function checkCount(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TaskUsageError(`${what}: expected an integer of at least ${least}, got ${value}.`);
  }
}

/** @throws TaskUsageError unless `split` is the name of one */
export function checkSplit(owner: string, split: Split): void {
  if (SPLITS.includes(split)) return;
  const meant = nearestName(split, SPLITS);
  throw new TaskUsageError(
    `${owner}: unknown split '${split}'${meant ? `, did you mean '${meant}'?` : '.'} Use one of ${SPLITS.join(', ')}.`,
  );
}
