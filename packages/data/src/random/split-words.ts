import { TaskUsageError } from '../errors.js';

/**
 * The low 32 and the high 21 bits of a non-negative safe integer, to be used as a key or an address.
 *
 * @throws TaskUsageError for anything else; `what` names the number in the message.
 */
export function splitWords(value: number, what: string): [low: number, high: number] {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new TaskUsageError(`${what}: expected an integer from 0 to 2^53 - 1, got ${value}.`);
  }
  return [value >>> 0, Math.floor(value / 0x1_0000_0000)];
}
