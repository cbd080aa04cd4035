import { chooseHeldOut } from '../held-out.js';
import { columnText, type TextRecord } from '../text/record.js';
import type { CorpusConfig } from './config.js';

/**
 * The documents of records, without those that are blank. A separator on a line of its own takes its line end with
 * it, and white space around a document is no part of it.
 */
export function documentsOf(
  records: readonly TextRecord[],
  { column, separator }: Pick<CorpusConfig, 'column' | 'separator'>,
): string[] {
  return records
    .map((record) => columnText(record, column))
    .flatMap((text) => (separator === null ? [text] : text.split(separator)))
    .map((document) => document.trim())
    .filter((document) => document !== '');
}

/** Training and validation documents. */
export interface DividedDocuments {
  readonly train: readonly string[];
  readonly validation: readonly string[];
}

/**
 * Holds a share of the documents out, chosen by seed. Of a single document the end is held out, from the line end on
 * that is next to the share.
 */
export function divideDocuments(
  documents: readonly string[],
  { validationShare, heldOutSeed }: Pick<CorpusConfig, 'validationShare' | 'heldOutSeed'>,
): DividedDocuments {
  const [only] = documents;
  if (documents.length === 1 && only !== undefined && validationShare > 0) {
    const near = Math.floor(only.length * (1 - validationShare));
    const line = only.lastIndexOf('\n', near);
    const end = line > 0 ? line : near;
    const parts = { train: [only.slice(0, end).trim()], validation: [only.slice(end).trim()] };
    if (parts.train[0] !== '' && parts.validation[0] !== '') return parts;
  }
  const heldOut = chooseHeldOut(documents.length, validationShare, heldOutSeed);
  return {
    train: documents.filter((_, document) => heldOut[document] === 0),
    validation: documents.filter((_, document) => heldOut[document] === 1),
  };
}
