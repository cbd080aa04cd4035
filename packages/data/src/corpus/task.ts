import { checkCount, checkSize, checkSplit } from '../check-arguments.js';
import { TaskUsageError } from '../errors.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { type Metric, type SequenceTask, SPLITS, type Split } from '../sequence-task.js';
import { ShuffledStream } from '../shuffled-stream.js';
import { describeUnknown, type TextSources } from '../text/sources.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { type CorpusConfig, type CorpusOptions, parseCorpusConfig } from './config.js';
import { type CorpusReport, type LoadedCorpus, type LoadedSplit, loadCorpus } from './load.js';
import { fillRow } from './pack.js';

/**
 * Running text, packed into rows of `time` tokens. `documents` of a batch tells tokens of different documents apart, so
 * that attention and targets stay within one. There is nothing to answer: the task is judged by its loss.
 *
 * Rows are packed once and shuffled anew in each epoch; the order follows from seed and epoch alone.
 */
export class CorpusTask implements SequenceTask {
  readonly name = 'corpus';
  readonly config: Readonly<CorpusConfig>;
  readonly tokenizer: TextTokenizer;
  readonly metrics: readonly Metric[] = [];
  readonly channels = 1;
  readonly reports: Readonly<Record<Split, CorpusReport>>;
  readonly #splits: Readonly<Record<Split, LoadedSplit>>;
  readonly #stream: ShuffledStream;
  readonly #loaded: LoadedCorpus;

  /**
   * @param source - texts, or what another task has made of them with settings that differ in the seed alone
   * @throws TaskConfigError when settings are wrong or do not fit the tokenizer, DataFileError when records lack the
   * column or there is no text
   */
  constructor(options: CorpusOptions, source: TextSources | LoadedCorpus) {
    this.config = Object.freeze(parseCorpusConfig(options));
    this.tokenizer = source.tokenizer;
    this.#loaded = 'splits' in source ? source : loadCorpus(this.config, source);
    const { train, validation, test } = this.#loaded.splits;
    this.#splits = { train, validation, test };
    this.#stream = new ShuffledStream(train.layout.rows, this.config.seed);
    this.reports = { train: train.report, validation: validation.report, test: test.report };
  }

  /** The same rows in the order of another seed, without reading and encoding the text again. */
  withSeed(seed: number): CorpusTask {
    return new CorpusTask({ ...this.config, seed }, this.#loaded);
  }

  get vocabularySize(): number {
    return this.tokenizer.vocabularySize;
  }

  get maxTime(): number {
    return this.config.time;
  }

  tokenText(id: number): string {
    return this.tokenizer.tokenText(id);
  }

  decode(ids: ArrayLike<number>): string {
    return this.tokenizer.decode(ids);
  }

  /** What became of the text, in a line for each split that has any. */
  describeReports(): string[] {
    return SPLITS.filter((split) => this.reports[split].documents > 0).map((split) => {
      const { documents, tokens, rows, unknownShare } = this.reports[split];
      const unknown = describeUnknown(unknownShare).map((note) => `; ${note}`);
      const plural = documents === 1 ? '' : 's';
      return `${split}: ${documents} document${plural}, ${tokens} tokens in ${rows} rows of ${this.config.time}${unknown.join('')}.`;
    });
  }

  /** Rows of a split. */
  exampleCount(split: Split): number {
    checkSplit('text corpus', split);
    return this.#splits[split].layout.rows;
  }

  batchesPerEpoch(split: Split, size: number): number {
    checkCount('text corpus batchesPerEpoch: size', size, 1);
    return Math.ceil(this.exampleCount(split) / size);
  }

  batch(split: Split, step: number, size: number): SequenceBatch {
    checkCount('text corpus batch: step', step, 0);
    checkSize('text corpus batch: size', size, this.config.time);
    if (this.exampleCount(split) === 0) {
      throw new TaskUsageError(`text corpus: there is no ${split} text. Give files.${split}.`);
    }
    const { time } = this.config;
    const { layout, documents } = this.#splits[split];
    const batch = {
      batch: size,
      time,
      channels: 1,
      tokens: new Int32Array(size * time).fill(-1),
      lengths: new Int32Array(size),
      prefixLengths: new Int32Array(size),
      documents: new Int32Array(size * time).fill(-1),
      answerTime: time,
    };
    for (let row = 0; row < size; row++) {
      const source = this.#row(split, step * size + row);
      fillRow(layout, source, documents, { ...batch, at: row * time });
      batch.lengths[row] = layout.lengths[source] as number;
    }
    return batch;
  }

  /** Number of the row at a place of the endless stream of a split. */
  #row(split: Split, place: number): number {
    return split === 'train' ? this.#stream.at(place) : place % this.#splits[split].layout.rows;
  }
}
