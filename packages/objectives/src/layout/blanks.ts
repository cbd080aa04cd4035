// B sequences, T positions, C channels, A tokens of an answer.
import { ObjectiveBatchError } from '../errors.js';
import { int32, tokenShape, trunkArrays } from '../inputs.js';
import type { PreparedBatch } from '../objective.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { layOutSequences } from './sequences.js';
import { type LossScope, shiftedTargets } from './targets.js';

export interface BlankOptions {
  readonly scope: LossScope;
  /** Every sequence occurs twice: first all of them with their own tokens, then all with blanks, `[2 B, T]`. */
  readonly withTokens: boolean;
}

/**
 * A batch whose answers are blank: their tokens are -1, and `blanks` is 0 (row of the blank's table) there and -1
 * elsewhere. Targets `[B, T]` are those of next-token prediction.
 *
 * @throws ObjectiveBatchError when a sequence has no prompt to answer from, or holds several documents
 */
export function blankedArrays(
  owner: string,
  batch: SequenceBatch,
  { scope, withTokens }: BlankOptions,
): PreparedBatch {
  const { batch: rows, time, channels, lengths, prefixLengths } = batch;
  const layout = layOutSequences(batch);
  const tokens = batch.tokens.slice();
  const blanks = new Int32Array(rows * time).fill(-1);
  for (let row = 0; row < rows; row++) {
    const length = lengths[row] as number;
    const prompt = prefixLengths[row] as number;
    if (length > 0 && prompt === 0) {
      throw new ObjectiveBatchError(
        `${owner}: sequence ${row} has no prompt; expected prefixLengths[${row}] of 1 or more.`,
      );
    }
    if (length > 0 && layout.segment[row * time + length - 1] !== 0) {
      throw new ObjectiveBatchError(
        `${owner}: sequence ${row} holds several documents; expected one prompt and its answer.`,
      );
    }
    const first = row * time;
    tokens.fill(-1, (first + prompt) * channels, (first + length) * channels);
    blanks.fill(0, first + prompt, first + length);
  }
  const arrays = trunkArrays({ ...batch, tokens }, layout, scope.bidirectionalPrefix);
  const inputs = { ...arrays, blanks: int32(blanks, [rows, time]) };
  const targets = int32(shiftedTargets(batch, layout, 1, scope), [rows, time]);
  if (!withTokens) return { ...inputs, targets };
  const plain = {
    ...arrays,
    tokens: int32(batch.tokens, tokenShape(batch)),
    blanks: int32(new Int32Array(rows * time).fill(-1), [rows, time]),
  };
  return { ...stackRows(plain, inputs), targets };
}

/** The sequences of `first`, then those of `second`. */
function stackRows(first: PreparedBatch, second: PreparedBatch): PreparedBatch {
  return Object.fromEntries(
    Object.entries(first).map(([name, { data, shape }]) => {
      const joined = new Int32Array(2 * data.length);
      joined.set(data);
      joined.set(second[name]?.data ?? data, data.length);
      return [name, int32(joined, [2 * (shape[0] as number), ...shape.slice(1)])];
    }),
  );
}

/**
 * Prompts with room for answers of `answerLength` tokens: A - 1 places behind each, because the last token of the
 * prompt predicts the first one of the answer.
 *
 * @throws ObjectiveBatchError when there are tokens behind a prompt, or `answerLength` is no positive integer
 */
export function answerTemplate(owner: string, prompts: SequenceBatch, answerLength: number): SequenceBatch {
  const { batch: rows, time, channels, lengths, prefixLengths } = prompts;
  if (!Number.isSafeInteger(answerLength) || answerLength < 1) {
    throw new ObjectiveBatchError(`${owner}: answerLength must be a positive integer, got ${answerLength}.`);
  }
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const newTime = longest + answerLength - 1;
  const tokens = new Int32Array(rows * newTime * channels).fill(-1);
  for (let row = 0; row < rows; row++) {
    const length = lengths[row] as number;
    if (length !== prefixLengths[row]) {
      throw new ObjectiveBatchError(
        `${owner}: sequence ${row} must be a prompt alone to be answered, got ${length} tokens with a prompt of ${prefixLengths[row]}.`,
      );
    }
    const from = row * time * channels;
    tokens.set(prompts.tokens.subarray(from, from + length * channels), row * newTime * channels);
  }
  const full = lengths.map((length) => length + answerLength - 1);
  return { batch: rows, time: newTime, channels, tokens, lengths: full, prefixLengths };
}

/** Rows of the hidden states, as `[B * T, D]`, that predict the answer: `[B, A]`. */
export function answerRows({ batch, time, prefixLengths }: SequenceBatch, answerLength: number): Int32Array {
  const rows = new Int32Array(batch * answerLength);
  for (let row = 0; row < batch; row++) {
    for (let place = 0; place < answerLength; place++) {
      rows[row * answerLength + place] = row * time + (prefixLengths[row] as number) - 1 + place;
    }
  }
  return rows;
}
