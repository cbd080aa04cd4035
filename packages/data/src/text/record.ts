import { DataFileError } from '../errors.js';
import { nearestName } from '../nearest-name.js';

/** One row of a data set. */
export interface TextRecord {
  /** Where it stands, for messages: `train.jsonl:17`. */
  readonly where: string;
  readonly columns: Readonly<Record<string, unknown>>;
}

/** Says that a column is missing, with the nearest name. */
export function missingColumn({ where, columns }: TextRecord, column: string): DataFileError {
  // Those between underscores were put in by the program.
  const names = Object.keys(columns).filter((name) => !/^__\w+__$/.test(name));
  const meant = nearestName(column, names);
  const hint = meant === undefined ? `has ${names.join(', ') || 'no columns'}` : `did you mean '${meant}'?`;
  return new DataFileError(`${where}: no column '${column}'; ${hint}${hint.endsWith('?') ? '' : '.'}`);
}

/**
 * A column as text: strings as they are, numbers as JSON writes them, lists of these with spaces between.
 *
 * @throws DataFileError when the column is missing or holds something else
 */
export function columnText(record: TextRecord, column: string): string {
  if (!Object.hasOwn(record.columns, column)) throw missingColumn(record, column);
  const value = record.columns[column];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = items.map((item) =>
    typeof item === 'string'
      ? item
      : typeof item === 'number' || typeof item === 'bigint'
        ? String(item)
        : null,
  );
  if (texts.includes(null)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'a list of other things' : typeof value;
    throw new DataFileError(
      `${record.where}: column '${column}' holds ${found}, expected text, a number or a list of these.`,
    );
  }
  return texts.join(' ');
}
