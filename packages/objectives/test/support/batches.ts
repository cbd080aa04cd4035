import type { SequenceBatch } from '../../src/index.js';

export interface ExampleSequence {
  /** An id for each position, or its ids in several channels. */
  readonly tokens: readonly (number | readonly number[])[];
  readonly prefix?: number;
  readonly documents?: readonly number[];
  readonly targets?: readonly number[];
}

/** A batch of sequences, padded to the longest one, or to `time`. */
export function batchOf(sequences: readonly ExampleSequence[], time?: number): SequenceBatch {
  const longest = time ?? Math.max(...sequences.map(({ tokens }) => tokens.length));
  const first = sequences[0]?.tokens[0];
  const channels = typeof first === 'object' ? first.length : 1;
  const padded = (values: readonly number[], width: number): number[] => [
    ...values,
    ...Array<number>(longest * width - values.length).fill(-1),
  ];
  const all = (rows: readonly (readonly number[])[], width = 1): Int32Array =>
    Int32Array.from(rows.flatMap((row) => padded(row, width)));
  const has = (key: 'documents' | 'targets'): boolean =>
    sequences.some((sequence) => sequence[key] !== undefined);
  return {
    batch: sequences.length,
    time: longest,
    channels,
    tokens: all(
      sequences.map(({ tokens }) => tokens.flat()),
      channels,
    ),
    lengths: Int32Array.from(sequences, ({ tokens }) => tokens.length),
    prefixLengths: Int32Array.from(sequences, ({ prefix = 0 }) => prefix),
    targets: has('targets') ? all(sequences.map(({ targets = [] }) => targets)) : undefined,
    documents: has('documents') ? all(sequences.map(({ documents = [] }) => documents)) : undefined,
  };
}
