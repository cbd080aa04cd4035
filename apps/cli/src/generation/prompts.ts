import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { reasonOf } from '@foretoken/train';
import { UsageError } from '../errors.js';

/** One prompt a line; of a `.jsonl` file, the field of each object. Blank lines are passed over. */
export function readPrompts(path: string, field: string): string[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--prompts ${path}: ${reasonOf(error)}.`);
  }
  const isJson = /\.(jsonl|ndjson)$/.test(path);
  const prompts = content.split(/\r?\n/).flatMap((line, at) => {
    if (line.trim() === '') return [];
    return [isJson ? fieldOf(line, field, `${path}:${at + 1}`) : line];
  });
  if (prompts.length === 0) throw new UsageError(`--prompts ${path}: there is no prompt in the file.`);
  return prompts;
}

function fieldOf(line: string, field: string, where: string): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError(`${where}: not JSON. Expected one JSON object a line.`);
  }
  const found = (value as Record<string, unknown> | null)?.[field];
  if (typeof found === 'string') return found;
  const names = Object.keys(Object(value)).join(', ');
  throw new UsageError(
    `${where}: no text in field '${field}'; fields are: ${names || 'none'}. Choose one with --field.`,
  );
}

/** The prompt of `--prompt`; `-` is all of standard input. */
export const promptText = async (given: string): Promise<string> =>
  given === '-' ? (await text(process.stdin)).replace(/\r?\n$/, '') : given;
