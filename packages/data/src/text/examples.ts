import { DataFileError } from '../errors.js';
import { encodePair } from './border.js';
import type { TextConfig } from './config.js';
import type { TextRecord } from './record.js';
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

/** A record with the columns that stand in for one that it lacks, one record for each reference. */
function withAlternatives(record: TextRecord, alternatives: TextConfig['alternatives']): TextRecord[] {
  for (const [column, others] of Object.entries(alternatives)) {
    if (Object.hasOwn(record.columns, column)) continue;
    const present = others.filter((other) => Object.hasOwn(record.columns, other));
    if (present.length === 0) continue;
    return present.map((other) => ({
      where: record.where,
      columns: { ...record.columns, [column]: record.columns[other] },
    }));
  }
  return [record];
}

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
  const template = parseTemplate(config.template, config.answerFrom ?? undefined);
  const drop = config.dropPattern === null ? undefined : new RegExp(config.dropPattern, 'g');
  const change = (text: string): string => (drop === undefined ? text : text.replace(drop, ''));
  const examples: TextExample[] = [];
  const questions: TextExample[] = [];
  const end = config.endToken && tokenizer.endToken !== undefined ? [tokenizer.endToken] : [];
  let [tooLong, withoutAnswer, promptTooLong, encodedApart, tokens, unknown] = [0, 0, 0, 0, 0, 0];
  let longest = { time: 0, where: '' };
  for (const record of records) {
    const variants = withAlternatives(record, config.alternatives);
    const promptText = fillPattern(template.prompt, variants[0] as TextRecord, change);
    const references = variants.map((variant) => fillPattern(template.answer, variant, change));
    const answerText = references[0] as string;
    if (answerText.trim() === '') {
      withoutAnswer++;
      continue;
    }
    const { prompt, answer, border } = encodePair(tokenizer, promptText, answerText);
    if (prompt.length === 0) {
      throw new DataFileError(
        `${record.where}: the prompt is empty. Put some text before the answer in the template.`,
      );
    }
    const { where } = record;
    const ids = Int32Array.from([...prompt, ...answer, ...end]);
    const example = { where, ids, prefix: prompt.length, references };
    tokens += ids.length;
    unknown += ids.filter((id) => id === tokenizer.unknownToken).length;
    if (border === 'apart') encodedApart++;
    if (ids.length > longest.time) longest = { time: ids.length, where };
    if (ids.length <= config.maxTime) examples.push(example);
    else if (config.overlong === 'drop') tooLong++;
    else {
      throw new DataFileError(
        `${where}: ${ids.length} tokens exceed maxTime ${config.maxTime}. ` +
          "Raise maxTime as far as the model's context allows, or leave such examples out with overlong: 'drop'.",
      );
    }
    if (prompt.length + config.maxAnswerTime <= config.maxTime) questions.push(example);
    else promptTooLong++;
  }
  const report = {
    read: records.length,
    kept: examples.length,
    tooLong,
    withoutAnswer,
    promptTooLong,
    longest,
    encodedApart,
    unknownShare: tokens === 0 ? 0 : unknown / tokens,
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
    ...(report.unknownShare > 0
      ? [`${(100 * report.unknownShare).toFixed(2)}% of the tokens are unknown to the tokenizer`]
      : []),
  ];
  return `${split}: ${report.kept} of ${count(report.read, 'example')} kept${notes.map((note) => `; ${note}`).join('')}.`;
}
