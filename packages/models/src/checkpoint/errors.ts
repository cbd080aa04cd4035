import { printable, shorten } from '@foretoken/input';
import { ForetokenError } from '@foretoken/tensor';

/** A pretrained checkpoint that cannot be read, does not fit together, or cannot be written. */
export class CheckpointError extends ForetokenError {}

const LISTED = 20;
/** Characters of a name. */
const LONGEST = 120;

/** A value of JSON in a message, as it was written, cut where it is long. */
export const showValue = (value: unknown): string =>
  printable(shorten(JSON.stringify(value) ?? String(value)));

/** Names in one sentence, the first of them where there are many. */
export function listNames(names: readonly string[]): string {
  const first = names
    .slice(0, LISTED)
    .map((name) => printable(shorten(name, LONGEST)))
    .join(', ');
  return names.length > LISTED ? `${first} and ${names.length - LISTED} more` : first;
}
