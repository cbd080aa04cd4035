import { chooseHeldOut } from '../held-out.js';
import { columnText, type TextRecord } from '../text/record.js';
import { fillPattern, parseTemplate, templateColumns } from '../text/template.js';
import type { CorpusConfig } from './config.js';

/** What a document is made of. */
type TextConfig = Pick<CorpusConfig, 'column' | 'separator'> & Partial<Pick<CorpusConfig, 'template'>>;

/** Columns that a document needs. */
export const corpusColumns = ({
  column,
  template = null,
}: Pick<TextConfig, 'column' | 'template'>): string[] =>
  template === null ? [column] : templateColumns(parseTemplate(template));

/** What makes the text of a record. */
function textMaker({ column, template = null }: TextConfig): (record: TextRecord) => string {
  if (template === null) return (record) => columnText(record, column);
  const { prompt, answer } = parseTemplate(template);
  return (record) => fillPattern(prompt, record) + fillPattern(answer, record);
}

/**
 * The documents of records, without those that are blank. A separator on a line of its own takes its line end with
 * it, and white space around a document is no part of it.
 */
export function documentsOf(records: readonly TextRecord[], config: TextConfig): string[] {
  const { separator } = config;
  return records
    .map(textMaker(config))
    .flatMap((text) => (separator === null ? [text] : text.split(separator)))
    .map((document) => document.trim())
    .filter((document) => document !== '');
}

/** Documents of the splits. */
export interface DividedDocuments {
  readonly train: readonly string[];
  readonly validation: readonly string[];
  readonly test: readonly string[];
}

/** Shares of the documents that are held out; null for a split that has documents of its own. */
export interface HeldOutShares {
  readonly validation: number | null;
  readonly test: number | null;
  readonly seed: number;
}

/**
 * Holds shares of the documents out, chosen by seed. Of a single document the end is held out, from the line end on
 * that is next to the share: validation before test.
 */
export function divideDocuments(
  documents: readonly string[],
  { validation, test, seed }: HeldOutShares,
): DividedDocuments {
  const tested = holdOut(documents, test ?? 0, seed);
  // A share of all documents, as it says, not of those that the test leaves.
  const left = 1 - (test ?? 0);
  const validated = holdOut(tested.kept, (validation ?? 0) / left, seed);
  return { train: validated.kept, validation: validated.heldOut, test: tested.heldOut };
}

function holdOut(
  documents: readonly string[],
  share: number,
  seed: number,
): { readonly kept: readonly string[]; readonly heldOut: readonly string[] } {
  const [only] = documents;
  if (documents.length === 1 && only !== undefined && share > 0) {
    const near = Math.floor(only.length * (1 - share));
    const line = only.lastIndexOf('\n', near);
    const end = line > 0 ? line : near;
    const [kept, heldOut] = [only.slice(0, end).trim(), only.slice(end).trim()];
    if (kept !== '' && heldOut !== '') return { kept: [kept], heldOut: [heldOut] };
  }
  const chosen = chooseHeldOut(documents.length, share, seed);
  return {
    kept: documents.filter((_, document) => chosen[document] === 0),
    heldOut: documents.filter((_, document) => chosen[document] === 1),
  };
}
