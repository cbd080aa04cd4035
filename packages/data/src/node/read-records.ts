import { DataFileError } from '../errors.js';
import { parseJsonLine } from '../text/json-lines.js';
import type { TextRecord } from '../text/record.js';
import { requireFile } from './files.js';
import { readLines } from './read-lines.js';
import { readParquet } from './read-parquet.js';

export interface ReadOptions {
  /** Columns that are needed; formats that can, read only these. */
  readonly columns?: readonly string[];
}

const FORMATS = '.jsonl, .ndjson or .json (one JSON object a line), .txt, each also with .gz, or .parquet';

async function* readJsonLines(path: string): AsyncGenerator<TextRecord> {
  let number = 0;
  for await (const line of readLines(path)) {
    const record = parseJsonLine(line, `${path}:${++number}`);
    if (record !== undefined) yield record;
  }
}

async function* readText(path: string): AsyncGenerator<TextRecord> {
  const lines: string[] = [];
  for await (const line of readLines(path)) lines.push(line.replace(/\r$/, ''));
  const text = lines.join('\n').replace(/^\uFEFF/, '');
  if (text.trim() !== '') yield { where: path, columns: { text } };
}

function recordsOf(path: string, { columns }: ReadOptions): AsyncGenerator<TextRecord> {
  const name = path.toLowerCase().replace(/\.gz$/, '');
  if (/\.(jsonl|ndjson|json)$/.test(name)) return readJsonLines(path);
  if (name.endsWith('.txt')) return readText(path);
  if (path.toLowerCase().endsWith('.parquet')) return readParquet(path, columns);
  throw new DataFileError(`${path}: unknown kind of file. Expected ${FORMATS}.`);
}

/**
 * Records of a data file: JSON Lines, parquet, or plain text (one record with the column `text`). JSON Lines are read
 * a line at a time, parquet a row group at a time.
 *
 * @throws DataFileError with file and line for whatever cannot be read, and for a file without a record
 */
export async function* readRecords(path: string, options: ReadOptions = {}): AsyncGenerator<TextRecord> {
  requireFile(path);
  let count = 0;
  for await (const record of recordsOf(path, options)) {
    count++;
    yield record;
  }
  if (count === 0) throw new DataFileError(`${path}: the file holds no records.`);
}
