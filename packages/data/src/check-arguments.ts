import { didYouMean, quote } from '@foretoken/input';
import { TaskUsageError } from './errors.js';
import { MOST_BATCH_NUMBERS, MOST_EXAMPLES } from './limits.js';
import { SPLITS, type Split } from './sequence-task.js';

/** @throws TaskUsageError unless `value` is an integer of at least `least` */
export function checkCount(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TaskUsageError(`${what}: expected an integer of at least ${least}, got ${quote(value)}.`);
  }
}

/**
 * Checks how many examples a batch is to have, or how many questions are asked at once.
 *
 * @param each - numbers that an example takes
 * @throws TaskUsageError unless it is a positive integer, and the batch can be held in memory
 */
export function checkSize(what: string, value: number, each: number): void {
  checkCount(what, value, 1);
  const most = Math.max(1, Math.min(MOST_EXAMPLES, Math.floor(MOST_BATCH_NUMBERS / each)));
  if (value <= most) return;
  throw new TaskUsageError(
    `${what}: ${value} examples of ${each} numbers are more than a batch may have, ${most.toLocaleString('en')}.`,
  );
}

/** @throws TaskUsageError unless `split` is the name of one */
export function checkSplit(owner: string, split: Split): void {
  if (SPLITS.includes(split)) return;
  throw new TaskUsageError(
    `${owner}: unknown split ${quote(split)}.${didYouMean(String(split), SPLITS)} Use one of ${SPLITS.join(', ')}.`,
  );
}
