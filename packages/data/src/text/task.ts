import { checkCount, checkSize, checkSplit } from '../check-arguments.js';
import { DataFileError, TaskUsageError } from '../errors.js';
import { chooseHeldOut } from '../held-out.js';
import { type AnswerScorer, answerScorers } from '../metrics/scorers.js';
import type { SequenceBatch } from '../sequence-batch.js';
import {
  type Metric,
  type QuestionSet,
  type Score,
  type SequenceTask,
  SPLITS,
  type Split,
} from '../sequence-task.js';
import { bucketOf, bucketTimes } from './buckets.js';
import { parseTextConfig, type TextConfig, type TextOptions } from './config.js';
import { ExampleStream } from './example-stream.js';
import {
  describeReport,
  encodeRecords,
  type SplitExamples,
  type SplitReport,
  type TextExample,
} from './examples.js';
import type { TextRecord } from './record.js';
import { checkContext, type TextSources } from './sources.js';
import type { TextTokenizer } from './tokenizer.js';

interface LoadedSplit extends SplitExamples {
  readonly stream: ExampleStream;
}

const PADDING = -1;

/**
 * Prompts to be answered, from records of text. Batches are padded to few lengths; what is learned is the answer with
 * the token that ends it (`prefixLengths` tells objectives where it begins).
 *
 * Everything is a function of settings and records: the order of an epoch follows from seed and epoch alone.
 */
export class TextTask implements SequenceTask {
  readonly name = 'text';
  readonly config: Readonly<TextConfig>;
  readonly tokenizer: TextTokenizer;
  readonly metrics: readonly Metric[];
  readonly channels = 1;
  /** Lengths of batches, in rising order: those that occur. */
  readonly batchTimes: readonly number[];
  /** What became of the records of each split. */
  readonly reports: Readonly<Record<Split, SplitReport>>;
  readonly #splits: Readonly<Record<Split, LoadedSplit>>;
  readonly #scorer: AnswerScorer;
  /** Most tokens of an answer in a batch of each length. */
  readonly #answerTimes: readonly number[];
  /** Tokens of the longest prompt that is asked. */
  readonly #promptTime: number;
  /**
   * @throws TaskConfigError when settings are wrong or do not fit the tokenizer, DataFileError when records lack a
   * column or none is left to learn from
   */
  constructor(options: Partial<TextOptions>, sources: TextSources) {
    this.config = Object.freeze(parseTextConfig(options));
    this.tokenizer = sources.tokenizer;
    this.#scorer = answerScorers[this.config.scorer];
    this.metrics = this.#scorer.metrics;
    checkContext('text', 'maxTime', this.config.maxTime, this.tokenizer);
    const times = bucketTimes(this.config.buckets, this.config.maxTime);
    const load = (records: readonly TextRecord[], seed?: number): LoadedSplit => {
      const split = encodeRecords(records, this.config, this.tokenizer);
      const buckets = Uint8Array.from(split.examples, ({ ids }) => bucketOf(ids.length, times));
      const { group } = this.config;
      return { ...split, stream: new ExampleStream({ buckets, bucketCount: times.length, group, seed }) };
    };
    const { train, validation } = divide(sources, this.config);
    // Held-out splits are gone through in one order for ever.
    this.#splits = {
      train: load(train, this.config.seed),
      validation: load(validation),
      test: load(sources.test ?? []),
    };
    this.reports = {
      train: this.#splits.train.report,
      validation: this.#splits.validation.report,
      test: this.#splits.test.report,
    };
    const all = SPLITS.flatMap((split) => this.#splits[split].examples);
    if (this.#splits.train.examples.length === 0) {
      throw new DataFileError(
        `text: no training example is left. ${describeReport('train', this.reports.train, this.config)}`,
      );
    }
    this.batchTimes = times.filter((_, bucket) =>
      all.some(({ ids }) => bucketOf(ids.length, times) === bucket),
    );
    this.#answerTimes = this.batchTimes.map((time) =>
      all.reduce(
        (most, { ids, prefix }) => (ids.length <= time ? Math.max(most, ids.length - prefix) : most),
        0,
      ),
    );
    this.#promptTime = SPLITS.flatMap((split) => this.#splits[split].questions).reduce(
      (most, { prefix }) => Math.max(most, prefix),
      1,
    );
  }

  get vocabularySize(): number {
    return this.tokenizer.vocabularySize;
  }

  get maxTime(): number {
    return this.config.maxTime;
  }

  /** Generation of an answer ends at these. */
  get stopTokens(): readonly number[] {
    return this.tokenizer.endToken === undefined ? [] : [this.tokenizer.endToken];
  }

  tokenText(id: number): string {
    return this.tokenizer.tokenText(id);
  }

  decode(ids: ArrayLike<number>): string {
    return this.tokenizer.decode(ids);
  }

  /** What became of the records, in a line for each split that has any. */
  describeReports(): string[] {
    return SPLITS.filter((split) => this.reports[split].read > 0).map((split) =>
      describeReport(split, this.reports[split], this.config),
    );
  }

  exampleCount(split: Split): number {
    return this.#split(split).examples.length;
  }

  questionCount(split: Split): number {
    return this.#split(split).questions.length;
  }

  batchesPerEpoch(split: Split, size: number): number {
    checkCount('text batchesPerEpoch: size', size, 1);
    return Math.ceil(this.#split(split).stream.epochLength / size);
  }

  batch(split: Split, step: number, size: number): SequenceBatch {
    checkCount('text batch: step', step, 0);
    checkSize('text batch: size', size, this.config.maxTime);
    const { examples, stream } = this.#filled(split);
    const rows = Array.from(
      { length: size },
      (_, row) => examples[stream.at(step * size + row)] as TextExample,
    );
    const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    const bucket = bucketOf(longest, this.batchTimes);
    return {
      ...layOut(
        rows.map(({ ids }) => ids),
        rows.map(({ prefix }) => prefix),
        this.batchTimes[bucket] as number,
      ),
      answerTime: this.#answerTimes[bucket] as number,
    };
  }

  /**
   * Beyond the last question the first one follows again, so that a group of any size can be asked. A right answer may
   * be longer than `maxAnswerLength`, which is the setting `maxAnswerTime`.
   */
  questions(split: Split, first: number, count: number): QuestionSet {
    checkCount('text questions: first', first, 0);
    checkSize('text questions: count', count, this.config.maxTime);
    const asked = Array.from({ length: count }, (_, place) => this.question(split, first + place));
    const prompts = asked.map(({ ids, prefix }) => ids.subarray(0, prefix));
    return {
      count,
      prompts: layOut(
        prompts,
        asked.map(({ prefix }) => prefix),
        this.#promptTime,
      ),
      answers: asked.map(({ ids, prefix }) => ids.slice(prefix)),
      maxAnswerLength: this.config.maxAnswerTime,
      score: (generated) => this.#score(generated, asked),
    };
  }

  /** Question `index` of a split, with its references as text. */
  question(split: Split, index: number): TextExample {
    checkCount('text question: index', index, 0);
    const { questions, report } = this.#split(split);
    const question = questions[index % questions.length];
    if (question === undefined) {
      throw new TaskUsageError(
        report.read === 0
          ? noData(split)
          : `text: the prompts of all ${report.read} examples of the ${split} split leave less than ${this.config.maxAnswerTime} ` +
              `of ${this.config.maxTime} tokens for the answer. Lower maxAnswerTime or raise maxTime.`,
      );
    }
    return question;
  }

  /** Generated ids as text, up to the token that ends it. */
  answerText(generated: ArrayLike<number>): string {
    const ids = Array.from(generated);
    const end = ids.findIndex((id) => this.stopTokens.includes(id));
    return this.decode(end < 0 ? ids : ids.slice(0, end));
  }

  #split(split: Split): LoadedSplit {
    checkSplit('text', split);
    return this.#splits[split];
  }

  #filled(split: Split): LoadedSplit {
    const loaded = this.#split(split);
    if (loaded.examples.length > 0) return loaded;
    throw new TaskUsageError(
      loaded.report.read === 0
        ? noData(split)
        : `text: no example is left in the ${split} split. ${describeReport(split, loaded.report, this.config)}`,
    );
  }

  #score(generated: readonly ArrayLike<number>[], asked: readonly TextExample[]): Score {
    if (generated.length !== asked.length) {
      throw new TaskUsageError(`text score: expected ${asked.length} answers, got ${generated.length}.`);
    }
    const { maxAnswerTime } = this.config;
    const each = asked.map(({ references }, question) => {
      const ids = generated[question] as ArrayLike<number>;
      if (ids.length > maxAnswerTime) {
        throw new TaskUsageError(
          `text score: answer ${question} has ${ids.length} tokens, more than maxAnswerTime ${maxAnswerTime}. ` +
            'Pass the generated tokens alone, without the prompt.',
        );
      }
      return this.#scorer.score(this.answerText(ids), references);
    });
    const mean = this.metrics.map(({ name }) => [
      name,
      each.reduce((sum, scores) => sum + (scores[name] as number), 0) / each.length,
    ]);
    return { mean: Object.fromEntries(mean) as Record<string, number>, each };
  }
}

const noData = (split: Split): string =>
  split === 'validation'
    ? 'text: there is no validation split. Raise validationShare above 0 or give files.validation.'
    : `text: there is no ${split} split. Give files.${split}.`;

/** Training and validation records: the validation file's, or a share of the training file's chosen by seed. */
function divide(
  { train, validation }: TextSources,
  { validationShare, heldOutSeed }: TextConfig,
): { train: readonly TextRecord[]; validation: readonly TextRecord[] } {
  if (validation !== undefined) return { train, validation };
  const heldOut = chooseHeldOut(train.length, validationShare, heldOutSeed);
  return {
    train: train.filter((_, record) => heldOut[record] === 0),
    validation: train.filter((_, record) => heldOut[record] === 1),
  };
}

/** Sequences as rows of `[B, T, 1]`, padded at their end. */
function layOut(sequences: readonly Int32Array[], prefixes: readonly number[], time: number): SequenceBatch {
  const tokens = new Int32Array(sequences.length * time).fill(PADDING);
  sequences.forEach((ids, row) => {
    tokens.set(ids, row * time);
  });
  return {
    batch: sequences.length,
    time,
    channels: 1,
    tokens,
    lengths: Int32Array.from(sequences, ({ length }) => length),
    prefixLengths: Int32Array.from(prefixes),
  };
}
