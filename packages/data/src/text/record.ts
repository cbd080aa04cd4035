import { nearestName, printable, quote, shorten } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { WrittenNumber } from './written-number.js';

/** One row of a data set. */
export interface TextRecord {
  /** Where it stands, for messages: `train.jsonl:17`. */
  readonly where: string;
  readonly columns: Readonly<Record<string, unknown>>;
}

/** Characters of a list of names in a message. */
const NAMES = 300;

/** Whether an item of a column is written as text. */
const isScalar = (item: unknown): item is string | number | bigint | WrittenNumber =>
  typeof item === 'string' ||
  typeof item === 'number' ||
  typeof item === 'bigint' ||
  item instanceof WrittenNumber;

/** Says that a column is missing, with the nearest name. */
export function missingColumn({ where, columns }: TextRecord, column: string): DataFileError {
  // Those between underscores were put in by the program.
  const names = Object.keys(columns).filter((name) => !/^__\w+__$/.test(name));
  const meant = nearestName(column, names);
  const held = shorten(names.map((name) => printable(shorten(name))).join(', ') || 'no columns', NAMES);
  const end = meant === undefined ? `has ${held}.` : `did you mean '${printable(meant)}'?`;
  return new DataFileError(`${printable(where)}: no column '${printable(shorten(column))}'; ${end}`);
}

/**
 * A column as text: strings as they are, numbers as they are written in the file, lists of these with spaces between.
 *
 * @throws DataFileError when the column is missing or holds something else
 */
export function columnText(record: TextRecord, column: string): string {
  if (!Object.hasOwn(record.columns, column)) throw missingColumn(record, column);
  const value = record.columns[column];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (items.every(isScalar)) return items.map(String).join(' ');
  const found = Array.isArray(value)
    ? 'a list of other things'
    : typeof value === 'boolean'
      ? value
      : quote(value);
  throw new DataFileError(
    `${printable(record.where)}: column '${printable(shorten(column))}' holds ${found}, expected text, a number or a list of these.`,
  );
}
