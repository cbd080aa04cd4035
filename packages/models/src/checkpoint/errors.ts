import { ForetokenError } from '@foretoken/tensor';

/** A pretrained checkpoint that cannot be read, does not fit together, or cannot be written. */
export class CheckpointError extends ForetokenError {}

const LISTED = 20;

/** Names in one sentence, the first of them where there are many. */
export function listNames(names: readonly string[]): string {
  const first = names.slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${first} and ${names.length - LISTED} more` : first;
}
