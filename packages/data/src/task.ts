/** Training examples; held-out examples to watch a run with; held-out examples for its final figure. */
export type Split = 'train' | 'validation' | 'test';

export const SPLITS: readonly Split[] = ['train', 'validation', 'test'];

/** A figure between 0 and 1 that a task gives to an answer; its mean over questions is what gets reported. */
export interface Metric {
  /** Key in {@link Score}, `exactMatch` for instance. */
  readonly name: string;
  /** What a reader of a table sees, "exact match" for instance. */
  readonly label: string;
  /** The mean that guessing gives, where the task knows it. */
  readonly chance?: number;
}

/** What a set of answers is worth. */
export interface Score {
  /** Mean of each metric over the questions. */
  readonly mean: Readonly<Record<string, number>>;
  /** Each metric of each question, in the order of the questions. */
  readonly each: readonly Readonly<Record<string, number>>[];
}

/** Held-out questions that a model answers by a list of ids: tokens that it generates, or classes that it ranks. */
export interface QuestionSet<Batch> {
  readonly count: number;
  /** What the model is shown. */
  readonly prompts: Batch;
  /** The right answer to each question, as ids. */
  readonly answers: readonly Int32Array[];
  /** Ids of an answer, at most. */
  readonly maxAnswerLength: number;
  /**
   * Scores one list of ids a question, that of a generated answer without the prompt; a short list is a wrong answer.
   *
   * @throws TaskUsageError when there are not `count` lists or one is longer than `maxAnswerLength`.
   */
  score(answers: readonly ArrayLike<number>[]): Score;
}

/**
 * Something to learn, seen from a training loop. The loop needs to know nothing about text, graphs or images: it asks for
 * batches by step and, when the task has questions, for a score.
 *
 * `batch` and `questions` are pure functions of the task's configuration and their arguments. There is no
 * position to save: a run that was killed asks for the next step and gets the bits that it would have got.
 */
export interface Task<Batch> {
  /** Short name of the kind of task, `star-graph` for instance. */
  readonly name: string;
  /** Complete settings as JSON values; the same settings make the same task again. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The metrics of `questions().score`, most important first; empty when the task asks no questions. */
  readonly metrics: readonly Metric[];
  /** Examples of a split, where they are counted; there is no end to them when absent. */
  exampleCount?(split: Split): number;
  /** Questions of a split, where they are counted. */
  questionCount?(split: Split): number;
  /** Batches that go through a split once, where examples are counted. */
  batchesPerEpoch?(split: Split, size: number): number;
  /**
   * Batch number `step` of a split, counted from 0: entries `step * size` to `step * size + size - 1` of its stream
   * of examples. A finite set starts again at its end, the training split in a new order.
   *
   * @throws TaskUsageError when `step` is no non-negative integer or `size` no positive one.
   */
  batch(split: Split, step: number, size: number): Batch;
  /**
   * Questions `first` to `first + count - 1` of a split, prompts of examples to be answered. A finite set starts again
   * at its end. Absent when the task is scored by its loss alone.
   *
   * @throws TaskUsageError when `first` is no non-negative integer or `count` no positive one.
   */
  questions?(split: Split, first: number, count: number): QuestionSet<Batch>;
}
