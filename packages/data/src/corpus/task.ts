import { checkCount, checkSplit } from '../check-arguments.js';
import { DataFileError, TaskConfigError, TaskUsageError } from '../errors.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { type Metric, type SequenceTask, SPLITS, type Split } from '../sequence-task.js';
import { ShuffledStream } from '../shuffled-stream.js';
import type { TextRecord } from '../text/record.js';
import { checkContext, describeUnknown, endingOf, type TextSources, TokenCount } from '../text/sources.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { type CorpusConfig, type CorpusOptions, parseCorpusConfig } from './config.js';
import { divideDocuments, documentsOf } from './documents.js';
import { type PackedRows, packDocuments } from './pack.js';

/** What became of the text of a split. */
export interface CorpusReport {
  readonly documents: number;
  readonly tokens: number;
  /** Rows of `time` tokens. */
  readonly rows: number;
  /** Share of the tokens that are the unknown token: far above 0 with the wrong tokenizer. */
  readonly unknownShare: number;
}

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
  readonly #rows: Readonly<Record<Split, PackedRows>>;
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
    this.#rows = { train: train.packed, validation: validation.packed, test: test.packed };
    this.#stream = new ShuffledStream(train.packed.rows, this.config.seed);
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
    return this.#rows[split].rows;
  }

  batchesPerEpoch(split: Split, size: number): number {
    checkCount('text corpus batchesPerEpoch: size', size, 1);
    return Math.ceil(this.exampleCount(split) / size);
  }

  batch(split: Split, step: number, size: number): SequenceBatch {
    checkCount('text corpus batch: step', step, 0);
    checkCount('text corpus batch: size', size, 1);
    if (this.exampleCount(split) === 0) {
      throw new TaskUsageError(`text corpus: there is no ${split} text. Give files.${split}.`);
    }
    const { time } = this.config;
    const packed = this.#rows[split];
    const batch = {
      batch: size,
      time,
      channels: 1,
      tokens: new Int32Array(size * time),
      lengths: new Int32Array(size),
      prefixLengths: new Int32Array(size),
      documents: new Int32Array(size * time),
      answerTime: time,
    };
    for (let row = 0; row < size; row++) {
      const source = this.#row(split, step * size + row);
      batch.tokens.set(packed.tokens.subarray(source * time, (source + 1) * time), row * time);
      batch.documents.set(packed.documents.subarray(source * time, (source + 1) * time), row * time);
      batch.lengths[row] = packed.lengths[source] as number;
    }
    return batch;
  }

  /** Number of the row at a place of the endless stream of a split. */
  #row(split: Split, place: number): number {
    return split === 'train' ? this.#stream.at(place) : place % this.#rows[split].rows;
  }
}

/** Text in rows of tokens, whatever their order. */
interface LoadedCorpus {
  readonly tokenizer: TextTokenizer;
  readonly splits: Readonly<Record<Split, LoadedSplit>>;
}

interface LoadedSplit {
  readonly packed: PackedRows;
  readonly report: CorpusReport;
}

function loadCorpus(config: CorpusConfig, { tokenizer, train, validation, test }: TextSources): LoadedCorpus {
  checkContext('text corpus', 'time', config.time, tokenizer);
  checkBegin(config, tokenizer);
  const { validationShare, testShare, heldOutSeed } = config;
  const divided = divideDocuments(documentsOf(train, config), {
    validation: validation === undefined ? validationShare : null,
    test: test === undefined ? testShare : null,
    seed: heldOutSeed,
  });
  const load = (heldOut: readonly string[], own?: readonly TextRecord[]): LoadedSplit =>
    loadSplit(own === undefined ? heldOut : documentsOf(own, config), config, tokenizer);
  const splits = {
    train: load(divided.train),
    validation: load(divided.validation, validation),
    test: load(divided.test, test),
  };
  if (splits.train.packed.rows === 0) {
    throw new DataFileError(
      'text corpus: there is no training text, all documents are empty. Check files.train.',
    );
  }
  return { tokenizer, splits };
}

function checkBegin({ beginToken }: CorpusConfig, tokenizer: TextTokenizer): void {
  if (beginToken !== true || tokenizer.beginToken !== undefined) return;
  throw new TaskConfigError(
    `text corpus: ${tokenizer.name} names no bos_token to begin documents with. Name it in tokenizer_config.json, or set beginToken: false.`,
  );
}

function loadSplit(
  documents: readonly string[],
  config: CorpusConfig,
  tokenizer: TextTokenizer,
): LoadedSplit {
  const begin = config.beginToken ?? tokenizer.addsBeginToken;
  const ending = endingOf('text corpus', config, tokenizer);
  const count = new TokenCount(tokenizer);
  const encoded = documents.map((document) => {
    const ids = [...tokenizer.encode(document, { begin }), ...ending];
    count.add(ids);
    return ids;
  });
  const packed = packDocuments(encoded, config.time);
  const { tokens, unknownShare } = count;
  return { packed, report: { documents: documents.length, tokens, rows: packed.rows, unknownShare } };
}
