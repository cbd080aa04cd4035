import { quote, withTimeLimit } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { type EncodedPair, encodePair } from './border.js';
import type { TextConfig } from './config.js';
import type { TextRecord } from './record.js';
import { describeUnknown, endingOf, TokenCount } from './sources.js';
import { fillPattern, parseTemplate } from './template.js';
import type { TextTokenizer } from './tokenizer.js';

/** One prompt with its answer. */
export interface TextExample {
  /** Where it came from: `train.jsonl:17`. */
  readonly where: string;
  /** Prompt, answer and the token that ends it. */
  readonly ids: Int32Array;
  /** Tokens of the prompt. */
  readonly prefix: number;
  /** Right answers as text, the one that is learned first. */
  readonly references: readonly string[];
}

/** What became of the records of a split. */
export interface SplitReport {
  /** Records read. */
  readonly read: number;
  /** Examples that batches are made of. */
  readonly kept: number;
  /** Records left out because prompt and answer exceed `maxTime`. */
  readonly tooLong: number;
  /** Records left out because the answer has no text. */
  readonly withoutAnswer: number;
  /** Questions that are not asked because the prompt leaves no room for `maxAnswerTime` tokens. */
  readonly promptTooLong: number;
  /** Tokens of the longest record, kept or not, and where it stands. */
  readonly longest: { readonly time: number; readonly where: string };
  /** Answers encoded apart from their prompt, because a token would have reached across the border. */
  readonly encodedApart: number;
  /** Share of the tokens that are the unknown token: far above 0 with the wrong tokenizer. */
  readonly unknownShare: number;
}

/** The examples of a split. */
export interface SplitExamples {
  /** For batches: prompt and answer within `maxTime`. */
  readonly examples: readonly TextExample[];
  /** For questions: prompts that leave room for an answer, in the order of the file. */
  readonly questions: readonly TextExample[];
  readonly report: SplitReport;
}

/** A record with the columns that stand in for those that it lacks, one record for each that can. */
function withAlternatives(record: TextRecord, alternatives: TextConfig['alternatives']): TextRecord[] {
  const fill = ({ where, columns }: TextRecord, column: string, others: readonly string[]): TextRecord[] =>
    others
      .filter((other) => Object.hasOwn(columns, other))
      .map((other) => ({ where, columns: { ...columns, [column]: columns[other] } }));
  return Object.entries(alternatives).reduce(
    (records, [column, others]) =>
      records.flatMap((each) => {
        const filled = Object.hasOwn(each.columns, column) ? [] : fill(each, column, others);
        return filled.length > 0 ? filled : [each];
      }),
    [record],
  );
}

/** A record in tokens. */
interface EncodedRecord {
  readonly example: TextExample;
  readonly border: EncodedPair['border'];
}

/** A record as text. */
interface FilledRecord {
  readonly where: string;
  readonly prompt: string;
  readonly references: readonly string[];
}

/** Makes a function that encodes records; it gives undefined for a record whose answer has no text. */
function recordEncoder(
  config: TextConfig,
  tokenizer: TextTokenizer,
): (records: readonly TextRecord[]) => (EncodedRecord | undefined)[] {
  const template = parseTemplate(config.template, config.answerFrom ?? undefined);
  const ending = endingOf('text', config, tokenizer);
  const drop = config.dropPattern === null ? undefined : new RegExp(config.dropPattern, 'g');
  const change = (text: string): string => (drop === undefined ? text : text.replace(drop, ''));
  const fill = (record: TextRecord): FilledRecord => {
    const variants = withAlternatives(record, config.alternatives);
    const prompt = fillPattern(template.prompt, variants[0] as TextRecord, change);
    return {
      where: record.where,
      prompt,
      references: variants.map((variant) => fillPattern(template.answer, variant, change)),
    };
  };
  const encode = ({ where, prompt: promptText, references }: FilledRecord): EncodedRecord | undefined => {
    const answerText = references[0] as string;
    if (answerText.trim() === '') return undefined;
    const { prompt, answer, border } = encodePair(tokenizer, promptText, answerText);
    if (prompt.length === 0) {
      throw new DataFileError(
        `${where}: the prompt is empty. Put some text before the answer in the template.`,
      );
    }
    const ids = Int32Array.from([...prompt, ...answer, ...ending]);
    return { example: { where, ids, prefix: prompt.length, references }, border };
  };
  return (records) => {
    const filled = drop === undefined ? records.map(fill) : withDropLimit(config.dropPattern, records, fill);
    const length = filled.reduce(
      (sum, each) => sum + each.prompt.length + (each.references[0]?.length ?? 0),
      0,
    );
    return tokenizer.together(length, () => filled.map(encode));
  };
}

/** What the pattern of a user may take for the records that are encoded together. */
const DROP_MILLISECONDS = 3000;

const withDropLimit = <Result>(
  pattern: string | null,
  records: readonly TextRecord[],
  work: (record: TextRecord) => Result,
): Result[] =>
  withTimeLimit(() => records.map(work), {
    what: `text: dropPattern ${quote(pattern)} on ${records[0]?.where} and what follows`,
    milliseconds: DROP_MILLISECONDS,
    error: DataFileError,
  });

/** Records that are encoded together: a time limit costs as much as a short one. */
const TOGETHER = 64;

/**
 * Makes examples of records.
 *
 * @throws DataFileError when a record lacks a column, or with `overlong: 'refuse'` when one is too long
 */
export function encodeRecords(
  records: readonly TextRecord[],
  config: TextConfig,
  tokenizer: TextTokenizer,
): SplitExamples {
  const { maxTime, maxAnswerTime, overlong } = config;
  const encode = recordEncoder(config, tokenizer);
  const encoded: EncodedRecord[] = [];
  for (let first = 0; first < records.length; first += TOGETHER) {
    for (const record of encode(records.slice(first, first + TOGETHER)))
      if (record !== undefined) encoded.push(record);
  }
  const all = encoded.map(({ example }) => example);
  const tooLong = all.filter(({ ids }) => ids.length > maxTime);
  const [refused] = overlong === 'refuse' ? tooLong : [];
  if (refused !== undefined) {
    throw new DataFileError(
      `${refused.where}: ${refused.ids.length} tokens exceed maxTime ${maxTime}. ` +
        "Raise maxTime as far as the model's context allows, or leave such examples out with overlong: 'drop'.",
    );
  }
  const examples = all.filter(({ ids }) => ids.length <= maxTime);
  const questions = all.filter(({ prefix }) => prefix + maxAnswerTime <= maxTime);
  const tokens = new TokenCount(tokenizer);
  let longest = { time: 0, where: '' };
  for (const { ids, where } of all) {
    tokens.add(ids);
    if (ids.length > longest.time) longest = { time: ids.length, where };
  }
  const report = {
    read: records.length,
    kept: examples.length,
    tooLong: tooLong.length,
    withoutAnswer: records.length - encoded.length,
    promptTooLong: all.length - questions.length,
    longest,
    encodedApart: encoded.filter(({ border }) => border === 'apart').length,
    unknownShare: tokens.unknownShare,
  };
  return { examples, questions, report };
}

const count = (value: number, what: string): string => `${value} ${what}${value === 1 ? '' : 's'}`;

/** A report in a line or two, for people. */
export function describeReport(split: string, report: SplitReport, config: TextConfig): string {
  const dropped = [
    ...(report.tooLong > 0
      ? [
          `${report.tooLong} longer than ${config.maxTime} tokens (the longest has ${report.longest.time}, ${report.longest.where})`,
        ]
      : []),
    ...(report.withoutAnswer > 0 ? [`${report.withoutAnswer} without an answer`] : []),
  ];
  const notes = [
    ...(dropped.length > 0 ? [`dropped ${dropped.join(' and ')}`] : []),
    ...(split !== 'train' && report.promptTooLong > 0
      ? [
          `${count(report.promptTooLong, 'question')} not asked: the prompt leaves less than ${config.maxAnswerTime} tokens for the answer`,
        ]
      : []),
    ...(report.encodedApart > 0
      ? [
          `${count(report.encodedApart, 'answer')} encoded apart from the prompt (a token would cross the border)`,
        ]
      : []),
    ...describeUnknown(report.unknownShare),
  ];
  return `${split}: ${report.kept} of ${count(report.read, 'example')} kept${notes.map((note) => `; ${note}`).join('')}.`;
}
