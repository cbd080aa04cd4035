import type { TextRecord } from '../../src/index.js';

/** Records as if they stood in a file, one a line. */
export const recordsOf = (
  rows: readonly Readonly<Record<string, unknown>>[],
  file = 'train.jsonl',
): TextRecord[] => rows.map((columns, at) => ({ where: `${file}:${at + 1}`, columns }));

/** Questions whose answers have `lengths` letters each. */
export const questionsOf = (lengths: readonly number[]): TextRecord[] =>
  recordsOf(
    lengths.map((length, at) => ({ question: `Number ${at}?`, answer: `${'x'.repeat(length)} #### ${at}` })),
  );
