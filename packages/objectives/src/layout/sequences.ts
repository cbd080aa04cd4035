// B sequences, T positions. All arrays are [B, T], row-major, for the real tokens of a batch.
import type { SequenceBatch } from '../sequence-batch.js';

/** Where each real token stands. */
export interface SequenceLayout {
  /** Place in its sequence. */
  readonly order: Int32Array;
  /** Number of its document within the sequence, from 0; -1 for padding. */
  readonly segment: Int32Array;
  /** Position id: place in its document, so that a document reads the same wherever it was packed; 0 in padding. */
  readonly positions: Int32Array;
  /** Place (in the sequence) of the last token of its document; its own place in padding. */
  readonly last: Int32Array;
  /** 1 inside the prompt. */
  readonly prefix: Int32Array;
}

/** Finds the documents of each sequence; a new one begins wherever the number in `documents` changes. */
export function layOutSequences(batch: SequenceBatch): SequenceLayout {
  const { batch: rows, time, lengths, prefixLengths, documents } = batch;
  const size = rows * time;
  const order = new Int32Array(size);
  const segment = new Int32Array(size).fill(-1);
  const positions = new Int32Array(size);
  const last = new Int32Array(size);
  const prefix = new Int32Array(size);
  for (let row = 0; row < rows; row++) {
    const first = row * time;
    const length = lengths[row] as number;
    for (let place = 0; place < time; place++) order[first + place] = last[first + place] = place;
    prefix.fill(1, first, first + (prefixLengths[row] as number));
    let begin = 0;
    for (let number = 0; begin < length; number++) {
      const end = documentEnd(documents, first, begin, length);
      segment.fill(number, first + begin, first + end);
      last.fill(end - 1, first + begin, first + end);
      for (let place = begin; place < end; place++) positions[first + place] = place - begin;
      begin = end;
    }
  }
  return { order, segment, positions, last, prefix };
}

/** The place behind the document that begins at `begin`. */
function documentEnd(
  documents: Int32Array | undefined,
  first: number,
  begin: number,
  length: number,
): number {
  if (documents === undefined) return length;
  let end = begin + 1;
  while (end < length && documents[first + end] === documents[first + begin]) end++;
  return end;
}
