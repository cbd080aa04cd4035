import { isJsonObject, parseJson, printable, quote } from '@foretoken/input';
import { parse as parseLossless } from 'lossless-json';
import { DataFileError } from '../errors.js';
import type { TextRecord } from './record.js';
import { numberAsWritten } from './written-number.js';

const QUOTE = '"';
/** What a number may have in it. */
const LITERAL = /[-+.\deE]+/y;

/** Where a string ends that begins at `start`; the text is valid JSON. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf(QUOTE, start + 1); ; end = text.indexOf(QUOTE, end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
}

/** Whether a number of a valid JSON text would read otherwise as a number of JavaScript. */
function hasOtherNumber(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === QUOTE) at = endOfString(text, at);
    else if (character === '-' || (character >= '0' && character <= '9')) {
      LITERAL.lastIndex = at;
      const [literal = ''] = LITERAL.exec(text) ?? [];
      if (String(Number(literal)) !== literal) return true;
      at += literal.length - 1;
    }
  }
  return false;
}

/** The value of a line, its numbers as they are written. */
function parseLine(text: string, where: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text, { what: printable(where), error: DataFileError });
  } catch (error) {
    if (!((error as DataFileError).cause instanceof SyntaxError)) throw error;
    const hint = text === '[' || text === '{' ? ' This file is JSON over several lines, not JSON Lines.' : '';
    throw new DataFileError(
      `${printable(where)}: not JSON: ${quote(text)}. Expected one JSON object a line.${hint}`,
      {
        cause: error,
      },
    );
  }
  if (!hasOtherNumber(text)) return value;
  return parseLossless(text, undefined, {
    parseNumber: numberAsWritten,
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

/**
 * The record on a line of JSON Lines; undefined for a blank line. A number that JavaScript would write otherwise is a
 * `WrittenNumber`.
 *
 * @param where - file and line for messages, `train.jsonl:17`
 * @throws DataFileError when the line is not one JSON object
 */
export function parseJsonLine(line: string, where: string): TextRecord | undefined {
  const text = line.replace(/^\uFEFF/, '').trim();
  if (text === '') return undefined;
  const value = parseLine(text, where);
  if (!isJsonObject(value)) {
    const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
    throw new DataFileError(
      `${printable(where)}: holds ${found}, expected one JSON object a line, such as {"question": "...", "answer": "..."}.`,
    );
  }
  return { where, columns: value };
}

/**
 * The records of a text in JSON Lines. Blank lines are passed over.
 *
 * @param name - file name for messages
 * @throws DataFileError at the first line that is not a JSON object
 */
export function parseJsonLines(text: string, name: string): TextRecord[] {
  return text
    .split('\n')
    .map((line, at) => parseJsonLine(line, `${name}:${at + 1}`))
    .filter((record) => record !== undefined);
}
