import type { SequenceBatch } from './sequence-batch.js';
import type * as tasks from './task.js';

export { type Metric, type Score, SPLITS, type Split } from './task.js';

/** Questions whose prompts are sequences (`lengths` equals `prefixLengths`), answered by generating tokens. */
export type QuestionSet = tasks.QuestionSet<SequenceBatch>;

/** Something to learn from sequences of tokens. */
export interface SequenceTask extends tasks.Task<SequenceBatch> {
  /** V: ids lie in 0..V-1. */
  readonly vocabularySize: number;
  /** C: ids at one position. A generated token goes into channel 0, the other channels hold -1. */
  readonly channels: number;
  /** V of each channel behind the first; `vocabularySize` for all when absent. */
  readonly channelVocabularySizes?: readonly number[];
  /** T: positions of the longest sequence, prompt and answer together. */
  readonly maxTime: number;
  /**
   * The `time` of every batch that can occur, in rising order: each is a shape that is compiled once. All batches have
   * `maxTime` when absent.
   */
  readonly batchTimes?: readonly number[];
  /** Where the positions behind the first `before` are the cells of a grid, row by row. */
  readonly grid?: { readonly height: number; readonly width: number; readonly before: number };
  /** Ids at which the generation of an answer ends; none when absent, answers then have a known length. */
  readonly stopTokens?: readonly number[];
  /** An id that no example contains, for objectives that hide tokens behind a blank. */
  readonly blankToken?: number;
  /** How an id is written for people. */
  tokenText(id: number): string;
  /** Ids as text, where the task is one of text. */
  decode?(ids: ArrayLike<number>): string;
}
