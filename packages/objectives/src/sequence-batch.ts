import { ObjectiveBatchError } from './errors.js';

/**
 * A batch of token sequences in plain host memory. `@foretoken/data` makes such batches; this package depends on
 * their form only, so any other source will do.
 *
 * Shape letters: B sequences (`batch`), T positions (`time`), C channels of a position (`channels`).
 */
export interface SequenceBatch {
  /** B: sequences. */
  readonly batch: number;
  /** T: positions of the longest sequence; shorter ones are padded at their end. */
  readonly time: number;
  /** C: ids at one position, looked up in one table each. */
  readonly channels: number;
  /** Ids `[B, T, C]`, row-major; -1 stands for nothing. */
  readonly tokens: Int32Array;
  /** Positions in use of each sequence, `[B]`. */
  readonly lengths: Int32Array;
  /** Positions of the prompt at the front of each sequence, `[B]`; 0 when there is no prompt. */
  readonly prefixLengths: Int32Array;
  /**
   * What each position is as something to be predicted, `[B, T]`, not shifted; -1 is never a target. Channel 0 of
   * `tokens` when absent.
   */
  readonly targets?: Int32Array | undefined;
  /**
   * Most positions behind a prompt that any batch of this `time` has: room for registers is made for so many, so that
   * batches of one `time` give inputs of one shape. Known from the batch when absent.
   */
  readonly answerTime?: number | undefined;
  /** The document that each position belongs to, `[B, T]`; one document a sequence when absent. */
  readonly documents?: Int32Array | undefined;
}

/** The shape of a batch, which is all that the cost of a step depends on. */
export interface BatchSize {
  readonly batch: number;
  readonly time: number;
  /** Positions of the prompt at the front of every sequence. */
  readonly prefix: number;
}

/**
 * Checks that the arrays of a batch belong together.
 *
 * @throws ObjectiveBatchError naming the first array that does not fit
 */
export function checkBatch(owner: string, source: SequenceBatch): void {
  const { batch, time, channels, tokens, lengths, prefixLengths, targets, documents, answerTime } = source;
  const expectSize = (name: string, values: Int32Array | undefined, size: number, shape: string): void => {
    if (values !== undefined && values.length !== size) {
      throw new ObjectiveBatchError(
        `${owner}: expected ${name} ${shape} of ${size} values, got ${values.length}.`,
      );
    }
  };
  expectSize('tokens', tokens, batch * time * channels, `[${batch}, ${time}, ${channels}]`);
  expectSize('lengths', lengths, batch, `[${batch}]`);
  expectSize('prefixLengths', prefixLengths, batch, `[${batch}]`);
  expectSize('targets', targets, batch * time, `[${batch}, ${time}]`);
  expectSize('documents', documents, batch * time, `[${batch}, ${time}]`);
  if (answerTime !== undefined && !(Number.isInteger(answerTime) && answerTime >= 0 && answerTime <= time)) {
    throw new ObjectiveBatchError(`${owner}: answerTime must lie in 0..${time} (time), got ${answerTime}.`);
  }
  for (let row = 0; row < batch; row++) {
    const length = lengths[row] as number;
    const prefix = prefixLengths[row] as number;
    if (length < 0 || length > time) {
      throw new ObjectiveBatchError(
        `${owner}: lengths[${row}] must lie in 0..${time} (time), got ${length}.`,
      );
    }
    if (prefix < 0 || prefix > length) {
      throw new ObjectiveBatchError(
        `${owner}: prefixLengths[${row}] must lie in 0..${length} (its length), got ${prefix}.`,
      );
    }
  }
}
