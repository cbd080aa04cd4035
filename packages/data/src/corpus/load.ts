import { DataFileError, TaskConfigError } from '../errors.js';
import type { Split } from '../sequence-task.js';
import { checkContext, type TextSources } from '../text/sources.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { type ChosenDocuments, DocumentCollection } from './collection.js';
import type { CorpusConfig } from './config.js';
import { documentsOf } from './documents.js';
import { type DocumentTokens, layOutRows, type RowLayout } from './pack.js';

/** What became of the text of a split. */
export interface CorpusReport {
  readonly documents: number;
  readonly tokens: number;
  /** Rows of `time` tokens. */
  readonly rows: number;
  /** Share of the tokens that are the unknown token: far above 0 with the wrong tokenizer. */
  readonly unknownShare: number;
}

export interface LoadedSplit {
  readonly layout: RowLayout;
  readonly documents: DocumentTokens;
  readonly report: CorpusReport;
}

/** Text in rows of tokens, whatever their order. */
export interface LoadedCorpus {
  readonly tokenizer: TextTokenizer;
  readonly splits: Readonly<Record<Split, LoadedSplit>>;
}

/** The documents that were collected for each split; of those that are absent, documents of `train` are held out. */
export interface CollectedSplits {
  readonly train: DocumentCollection;
  readonly validation?: DocumentCollection | undefined;
  readonly test?: DocumentCollection | undefined;
}

/**
 * Checks that settings and tokenizer go together.
 *
 * @throws TaskConfigError when they do not
 */
export function checkCorpus(config: CorpusConfig, tokenizer: TextTokenizer): void {
  checkContext('text corpus', 'time', config.time, tokenizer);
  if (config.beginToken !== true || tokenizer.beginToken !== undefined) return;
  throw new TaskConfigError(
    `text corpus: ${tokenizer.name} names no bos_token to begin documents with. Name it in tokenizer_config.json, or set beginToken: false.`,
  );
}

/**
 * Lays the documents of all splits out in rows.
 *
 * @throws DataFileError when there is no training text
 */
export function arrangeCorpus(
  config: CorpusConfig,
  tokenizer: TextTokenizer,
  { train, validation, test }: CollectedSplits,
): LoadedCorpus {
  const { validationShare, testShare, heldOutSeed } = config;
  const divided = train.divide({
    validation: validation === undefined ? validationShare : null,
    test: test === undefined ? testShare : null,
    seed: heldOutSeed,
  });
  const load = (chosen: ChosenDocuments): LoadedSplit => loadSplit(chosen, config, tokenizer);
  const splits = {
    train: load(divided.train),
    validation: load(validation?.all() ?? divided.validation),
    test: load(test?.all() ?? divided.test),
  };
  if (splits.train.layout.rows === 0) {
    throw new DataFileError(
      'text corpus: there is no training text, all documents are empty. Check files.train.',
    );
  }
  return { tokenizer, splits };
}

/** A corpus of records. @throws TaskConfigError or DataFileError */
export function loadCorpus(
  config: CorpusConfig,
  { tokenizer, train, validation, test }: TextSources,
): LoadedCorpus {
  checkCorpus(config, tokenizer);
  const collect = (records: TextSources['train']): DocumentCollection => {
    const collection = new DocumentCollection(config, tokenizer);
    for (const record of records)
      for (const document of documentsOf([record], config)) collection.add(document);
    return collection;
  };
  return arrangeCorpus(config, tokenizer, {
    train: collect(train),
    validation: validation && collect(validation),
    test: test && collect(test),
  });
}

function loadSplit(
  { documents, chosen }: ChosenDocuments,
  { time }: CorpusConfig,
  { unknownToken }: TextTokenizer,
): LoadedSplit {
  const numberOf = (place: number): number => chosen[place] as number;
  const lengths = Array.from(chosen, (number) => documents.lengthOf(number));
  const layout = layOutRows(lengths, time);
  let [tokens, unknown] = [0, 0];
  for (const [place, length] of lengths.entries()) {
    tokens += length;
    if (unknownToken !== undefined) unknown += documents.countOf(unknownToken, numberOf(place));
  }
  return {
    layout,
    documents: {
      lengthOf: (place) => documents.lengthOf(numberOf(place)),
      copyTo: (target, at, place, from, to) => documents.copyTo(target, at, numberOf(place), from, to),
    },
    report: {
      documents: chosen.length,
      tokens,
      rows: layout.rows,
      unknownShare: unknown / Math.max(tokens, 1),
    },
  };
}
