import { ForetokenError } from '@foretoken/tensor';

/** A pretrained checkpoint that cannot be read, does not fit together, or cannot be written. */
export class CheckpointError extends ForetokenError {}

const LISTED = 20;

/** A name as a message can hold it: a file may have put line breaks, or commands for a terminal, into one. */
export const printable = (name: string): string =>
  name.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) as number).toString(16)}}`,
  );

/** Names in one sentence, the first of them where there are many. */
export function listNames(names: readonly string[]): string {
  const first = names.slice(0, LISTED).map(printable).join(', ');
  return names.length > LISTED ? `${first} and ${names.length - LISTED} more` : first;
}
