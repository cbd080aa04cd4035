import { nearestName, printable, quote, shorten } from '@foretoken/input';
import { TaskConfigError } from '../errors.js';
import { columnText, type TextRecord } from './record.js';

/** Texts and columns in turn: `['Question: ', 'question', '\n']` has a column at each odd place. */
type Pattern = readonly string[];

/** A template cut at the border between prompt and answer. */
export interface TextTemplate {
  readonly prompt: Pattern;
  readonly answer: Pattern;
}

const PLACE = /\{([A-Za-z_][\w-]*)\}/;

const columnsOf = (pattern: Pattern): string[] => pattern.filter((_, at) => at % 2 === 1);

/**
 * Reads a template such as `Question: {question}\n\nAnswer: {answer}`: `{column}` stands for a column of the data,
 * anything else for itself.
 *
 * The answer begins with the column `answerFrom` (the last one of the template when absent) and goes to the end.
 * Spaces before it belong to the answer, because most tokenizers write a word together with the space before it:
 * the prompt ends `Answer:`, and the model writes ` 72`. Line ends stay with the prompt.
 *
 * @throws TaskConfigError when the template has no column, or not the one that the answer begins with
 */
export function parseTemplate(template: string, answerFrom?: string): TextTemplate {
  const parts = template.split(PLACE);
  const columns = columnsOf(parts);
  const first = answerFrom ?? columns.at(-1);
  if (first === undefined) {
    throw new TaskConfigError(
      `template: ${quote(template)} names no column. Write columns in braces: 'Question: {question}\\n\\nAnswer: {answer}'.`,
    );
  }
  if (!columns.includes(first)) {
    const meant = nearestName(first, columns);
    throw new TaskConfigError(
      `answerFrom: the template has no {${printable(shorten(first))}}; ${meant ? `did you mean '${meant}'?` : `it has ${printable(shorten(columns.join(', '), 300))}.`}`,
    );
  }
  const border = 2 * columns.indexOf(first);
  const lead = parts[border] as string;
  let end = lead.length;
  while (lead[end - 1] === ' ') end--;
  const bare = lead.slice(0, end);
  return {
    prompt: [...parts.slice(0, border), bare],
    answer: [lead.slice(bare.length), ...parts.slice(border + 1)],
  };
}

/** All columns that a template names. */
export const templateColumns = ({ prompt, answer }: TextTemplate): string[] => [
  ...columnsOf(prompt),
  ...columnsOf(answer),
];

/**
 * A part of a template filled in from a record.
 *
 * @throws DataFileError when the record lacks a column
 */
export function fillPattern(
  pattern: Pattern,
  record: TextRecord,
  change: (text: string) => string = (text) => text,
): string {
  return pattern.map((part, at) => (at % 2 === 0 ? part : change(columnText(record, part)))).join('');
}
