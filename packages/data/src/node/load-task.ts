import { nearestName, quote } from '@foretoken/input';
import { DocumentCollection } from '../corpus/collection.js';
import { type CorpusOptions, parseCorpusConfig } from '../corpus/config.js';
import { arrangeCorpus, checkCorpus } from '../corpus/load.js';
import { CorpusTask } from '../corpus/task.js';
import type { DataFiles } from '../data-files.js';
import { TaskConfigError } from '../errors.js';
import { parseTextConfig, type TextOptions } from '../text/config.js';
import { type DocumentText, stringsOf } from '../text/long-text.js';
import { TEXT_PRESET_NAMES } from '../text/presets.js';
import type { TextRecord } from '../text/record.js';
import { TextTask } from '../text/task.js';
import { fillPattern, parseTemplate, templateColumns } from '../text/template.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { TrainedTokenizer, tokenizerToTrain } from '../text/trained-tokenizer.js';
import { TokenizerTrainer } from '../tokenizer-training/train.js';
import { findData } from './data-folder.js';
import { loadTokenizer } from './load-tokenizer.js';
import { readDocuments } from './read-documents.js';
import { readRecords } from './read-records.js';

async function readAll(paths: readonly string[], columns: readonly string[]): Promise<TextRecord[]> {
  const records: TextRecord[] = [];
  for (const path of paths) {
    for await (const record of readRecords(findData(path), { columns })) records.push(record);
  }
  return records;
}

/** The tokenizer and the files that settings name. @param texts - what a tokenizer is trained on, where they ask for one */
async function needed(
  { files, tokenizer }: { readonly files: DataFiles | null; readonly tokenizer: string | null },
  given: TextTokenizer | undefined,
  texts: (paths: readonly string[]) => AsyncIterable<DocumentText>,
): Promise<{ readonly files: DataFiles; readonly tokenizer: TextTokenizer }> {
  if (files === null) {
    throw new TaskConfigError("text: files is missing. Give at least { train: 'train.jsonl' }.");
  }
  if (tokenizer === null && given === undefined) {
    throw new TaskConfigError(
      'text: tokenizer is missing. Give the folder of a model with its tokenizer.json, or char or bpe to train one.',
    );
  }
  return { files, tokenizer: given ?? (await tokenizerOf(tokenizer as string, () => texts(files.train))) };
}

/** The tokenizer in a folder, or one that is trained. */
async function tokenizerOf(
  setting: string,
  texts: () => AsyncIterable<DocumentText>,
): Promise<TextTokenizer> {
  const training = tokenizerToTrain(setting);
  if (training === undefined) return loadTokenizer(findData(setting));
  const trainer = new TokenizerTrainer(training);
  for await (const text of texts()) for (const part of stringsOf(text)) trainer.add(part);
  return new TrainedTokenizer(trainer.finish(), setting);
}

/**
 * A task of prompts and answers from the files that its settings name. The settings alone make the same task again.
 *
 * @param tokenizer - instead of the one in the folder that the settings name
 * @throws TaskConfigError, DataFileError or TokenizerError, in one line that says what is wrong and where
 */
export async function loadTextTask(
  options: Partial<TextOptions>,
  tokenizer?: TextTokenizer,
): Promise<TextTask> {
  const config = parseTextConfig(options);
  const template = parseTemplate(config.template, config.answerFrom ?? undefined);
  const columns = [...templateColumns(template), ...Object.values(config.alternatives).flat()];
  async function* texts(paths: readonly string[]): AsyncGenerator<string> {
    for (const record of await readAll(paths, columns))
      yield fillPattern(template.prompt, record) + fillPattern(template.answer, record);
  }
  const { files, ...given } = await needed(config, tokenizer, texts);
  const read = (paths: readonly string[] | undefined) =>
    paths === undefined ? undefined : readAll(paths, columns);
  return new TextTask(options, {
    ...given,
    train: await readAll(files.train, columns),
    validation: await read(files.validation),
    test: await read(files.test),
  });
}

/**
 * A task of running text from the files that its settings name.
 *
 * @param tokenizer - instead of the one in the folder that the settings name
 * @throws TaskConfigError, DataFileError or TokenizerError, in one line that says what is wrong and where
 */
export async function loadCorpusTask(options: CorpusOptions, tokenizer?: TextTokenizer): Promise<CorpusTask> {
  const config = parseCorpusConfig(options);
  async function* texts(paths: readonly string[]): AsyncGenerator<DocumentText> {
    for (const path of paths) for await (const { text } of readDocuments(findData(path), config)) yield text;
  }
  const { files, tokenizer: used } = await needed(config, tokenizer, texts);
  checkCorpus(config, used);
  const collect = async (paths: readonly string[]): Promise<DocumentCollection> => {
    const collection = new DocumentCollection(config, used);
    for await (const text of texts(paths)) collection.add(text);
    return collection;
  };
  const { train, validation, test } = files;
  return new CorpusTask(
    options,
    arrangeCorpus(config, used, {
      train: await collect(train),
      validation: validation && (await collect(validation)),
      test: test && (await collect(test)),
    }),
  );
}

/** Settings of either kind of task; the preset `text` is running text. */
export type LoadTaskOptions = Partial<TextOptions> | (CorpusOptions & { readonly preset: 'text' });

const PRESET_NAMES = [...TEXT_PRESET_NAMES, 'text'];

const isCorpus = (options: LoadTaskOptions): options is CorpusOptions & { readonly preset: 'text' } =>
  options.preset === 'text';

function checkPreset(preset: unknown): void {
  if (typeof preset !== 'string' || PRESET_NAMES.includes(preset)) return;
  const meant = nearestName(preset, PRESET_NAMES);
  throw new TaskConfigError(
    `text: there is no preset ${quote(preset)}; ${meant ? `did you mean '${meant}'?` : `there are ${PRESET_NAMES.join(', ')}.`}`,
  );
}

/** {@link loadTextTask}, or {@link loadCorpusTask} with the preset `text`. */
export async function loadTask(
  options: LoadTaskOptions,
  tokenizer?: TextTokenizer,
): Promise<TextTask | CorpusTask> {
  checkPreset(options.preset);
  return isCorpus(options) ? loadCorpusTask(options, tokenizer) : loadTextTask(options, tokenizer);
}
