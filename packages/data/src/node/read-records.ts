import { printable, shorten } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { parseJsonLine } from '../text/json-lines.js';
import type { TextRecord } from '../text/record.js';
import { requireFile } from './files.js';
import { readParquet } from './parquet/read-parquet.js';
import { readLines } from './read-lines.js';
import { readText as readPieces } from './read-text.js';

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

/** Characters of a text that is one record. */
const LONGEST = 2 ** 28;

/** Whether a file is plain text by its name. */
export const isTextFile = (path: string): boolean => path.toLowerCase().replace(/\.gz$/, '').endsWith('.txt');

async function* readText(path: string): AsyncGenerator<TextRecord> {
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of readPieces(path)) {
    pieces.push(piece);
    length += piece.length;
    if (length > LONGEST) {
      throw new DataFileError(
        `${printable(path)}: a text of more than ${LONGEST.toLocaleString('en')} characters is no single record. Read it as running text, document by document.`,
      );
    }
  }
  const text = pieces
    .join('')
    .replaceAll('\r\n', '\n')
    .replace(/[\r\n]$/, '');
  if (text.trim() !== '') yield { where: path, columns: { text } };
}

function recordsOf(path: string, { columns }: ReadOptions): AsyncGenerator<TextRecord> {
  const name = path.toLowerCase().replace(/\.gz$/, '');
  if (/\.(jsonl|ndjson|json)$/.test(name)) return readJsonLines(path);
  if (isTextFile(path)) return readText(path);
  if (path.toLowerCase().endsWith('.parquet')) return readParquet(path, columns);
  throw new DataFileError(`${printable(shorten(path, 200))}: unknown kind of file. Expected ${FORMATS}.`);
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
  if (count === 0) throw new DataFileError(`${printable(path)}: the file holds no records.`);
}
