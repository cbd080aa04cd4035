import { type CorpusOptions, parseCorpusConfig } from '../corpus/config.js';
import { corpusColumns, documentsOf } from '../corpus/documents.js';
import { CorpusTask } from '../corpus/task.js';
import type { DataFiles } from '../data-files.js';
import { TaskConfigError } from '../errors.js';
import { nearestName } from '../nearest-name.js';
import { parseTextConfig, type TextOptions } from '../text/config.js';
import { TEXT_PRESET_NAMES } from '../text/presets.js';
import type { TextRecord } from '../text/record.js';
import type { TextSources } from '../text/sources.js';
import { TextTask } from '../text/task.js';
import { fillPattern, parseTemplate, templateColumns } from '../text/template.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import { tokenizerToTrain, trainTokenizerOf } from '../text/trained-tokenizer.js';
import { findData } from './data-folder.js';
import { loadTokenizer } from './load-tokenizer.js';
import { readRecords } from './read-records.js';

async function readAll(paths: readonly string[], columns: readonly string[]): Promise<TextRecord[]> {
  const records: TextRecord[] = [];
  for (const path of paths) {
    for await (const record of readRecords(findData(path), { columns })) records.push(record);
  }
  return records;
}

async function readSources(
  { files, tokenizer }: { readonly files: DataFiles | null; readonly tokenizer: string | null },
  columns: readonly string[],
  textsOf: (records: readonly TextRecord[]) => Iterable<string>,
  given: TextTokenizer | undefined,
): Promise<TextSources> {
  if (files === null) {
    throw new TaskConfigError("text: files is missing. Give at least { train: 'train.jsonl' }.");
  }
  if (tokenizer === null && given === undefined) {
    throw new TaskConfigError(
      'text: tokenizer is missing. Give the folder of a model with its tokenizer.json, or char or bpe to train one.',
    );
  }
  const read = (paths: readonly string[] | undefined) =>
    paths === undefined ? undefined : readAll(paths, columns);
  const train = await readAll(files.train, columns);
  const named = (setting: string): TextTokenizer => {
    const trained = tokenizerToTrain(setting);
    return trained === undefined
      ? loadTokenizer(findData(setting))
      : trainTokenizerOf(setting, trained, textsOf(train));
  };
  return {
    tokenizer: given ?? named(tokenizer as string),
    train,
    validation: await read(files.validation),
    test: await read(files.test),
  };
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
  const examples = (records: readonly TextRecord[]): string[] =>
    records.map((record) => fillPattern(template.prompt, record) + fillPattern(template.answer, record));
  const columns = [...templateColumns(template), ...Object.values(config.alternatives).flat()];
  return new TextTask(options, await readSources(config, columns, examples, tokenizer));
}

/**
 * A task of running text from the files that its settings name.
 *
 * @param tokenizer - instead of the one in the folder that the settings name
 * @throws TaskConfigError, DataFileError or TokenizerError, in one line that says what is wrong and where
 */
export async function loadCorpusTask(options: CorpusOptions, tokenizer?: TextTokenizer): Promise<CorpusTask> {
  const config = parseCorpusConfig(options);
  const documents = (records: readonly TextRecord[]): string[] => documentsOf(records, config);
  return new CorpusTask(options, await readSources(config, corpusColumns(config), documents, tokenizer));
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
    `text: there is no preset '${preset}'; ${meant ? `did you mean '${meant}'?` : `there are ${PRESET_NAMES.join(', ')}.`}`,
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
