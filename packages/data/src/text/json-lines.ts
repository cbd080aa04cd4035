import { DataFileError } from '../errors.js';
import type { TextRecord } from './record.js';

const EXCERPT = 60;

const excerpt = (line: string): string => (line.length > EXCERPT ? `${line.slice(0, EXCERPT)}...` : line);

/**
 * The record on a line of JSON Lines; undefined for a blank line.
 *
 * @param where - file and line for messages, `train.jsonl:17`
 * @throws DataFileError when the line is not one JSON object
 */
export function parseJsonLine(line: string, where: string): TextRecord | undefined {
  const text = line.replace(/^\uFEFF/, '').trim();
  if (text === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const hint = text === '[' || text === '{' ? ' This file is JSON over several lines, not JSON Lines.' : '';
    throw new DataFileError(
      `${where}: not JSON: ${JSON.stringify(excerpt(text))}. Expected one JSON object a line.${hint}`,
      { cause },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
    throw new DataFileError(
      `${where}: holds ${found}, expected one JSON object a line, such as {"question": "...", "answer": "..."}.`,
    );
  }
  return { where, columns: value as Record<string, unknown> };
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
