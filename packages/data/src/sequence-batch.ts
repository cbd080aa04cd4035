/**
 * A batch of token sequences in plain host memory, the only thing that a task hands to an objective.
 *
 * Shape letters: B sequences (`batch`), T positions (`time`), C channels of a position (`channels`).
 */
export interface SequenceBatch {
  /** B: sequences. */
  batch: number;
  /** T: positions of the longest sequence; shorter ones are padded at their end. */
  time: number;
  /** C: ids at one position. The model looks up channel c in table c and adds the vectors. */
  channels: number;
  /** Vocabulary ids `[B, T, C]`, row-major; -1 stands for "nothing", in padding and in unused channels. */
  tokens: Int32Array;
  /** Positions in use of each sequence, `[B]`. */
  lengths: Int32Array;
  /** Positions of the prompt at the front of each sequence, `[B]`; 0 when there is no prompt. */
  prefixLengths: Int32Array;
  /** The vocabulary id to predict for each position, `[B, T]`; channel 0 of `tokens` when absent. */
  targets?: Int32Array;
  /**
   * Most positions behind a prompt that any batch of this `time` has. An objective whose arrays grow with the answer
   * makes room for so many, so that batches of one `time` give arrays of one shape; known from the batch when absent.
   */
  answerTime?: number;
  /** The document that each position belongs to, `[B, T]`; one document a sequence when absent. */
  documents?: Int32Array;
}
