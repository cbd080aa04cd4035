import { DocumentSplitter } from '../corpus/document-splitter.js';
import { corpusColumns, type DocumentSettings, documentsOf } from '../corpus/documents.js';
import type { DocumentText } from '../text/long-text.js';
import { missingColumn } from '../text/record.js';
import { isTextFile, readRecords } from './read-records.js';
import { readText } from './read-text.js';

/** A document of a file. */
export interface ReadDocument {
  /** Where it stands: the file and its line, `train.jsonl:17`, or the file alone where it is plain text. */
  readonly where: string;
  /** Its number in its record, counted from 1. */
  readonly number: number;
  /** A `LongText` where a string could not hold it. */
  readonly text: DocumentText;
}

/**
 * The documents of a data file of any size, as they are read. Plain text is never held as a whole.
 *
 * @throws DataFileError with file and line for whatever cannot be read
 */
export async function* readDocuments(path: string, settings: DocumentSettings): AsyncGenerator<ReadDocument> {
  const columns = corpusColumns(settings);
  if (!isTextFile(path) || (settings.template ?? null) !== null) {
    for await (const record of readRecords(path, { columns })) {
      for (const [at, text] of documentsOf([record], settings).entries())
        yield { where: record.where, number: at + 1, text };
    }
    return;
  }
  if (settings.column !== 'text')
    throw missingColumn({ where: path, columns: { text: '' } }, settings.column);
  const splitter = new DocumentSplitter(settings.separator);
  let number = 0;
  const name = (text: DocumentText): ReadDocument => ({ where: path, number: ++number, text });
  for await (const piece of readText(path)) yield* splitter.push(piece).map(name);
  yield* splitter.end().map(name);
}
