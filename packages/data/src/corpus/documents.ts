import { columnText, type TextRecord } from '../text/record.js';
import { fillPattern, parseTemplate, templateColumns } from '../text/template.js';
import type { CorpusConfig } from './config.js';

/** What a document is made of. */
export type DocumentSettings = Pick<CorpusConfig, 'column' | 'separator'> &
  Partial<Pick<CorpusConfig, 'template'>>;

/** Columns that a document needs. */
export const corpusColumns = ({
  column,
  template = null,
}: Pick<DocumentSettings, 'column' | 'template'>): string[] =>
  template === null ? [column] : templateColumns(parseTemplate(template));

/** What makes the text of a record. */
export function textMaker({ column, template = null }: DocumentSettings): (record: TextRecord) => string {
  if (template === null) return (record) => columnText(record, column);
  const { prompt, answer } = parseTemplate(template);
  return (record) => fillPattern(prompt, record) + fillPattern(answer, record);
}

/**
 * The documents of records, without those that are blank. A separator on a line of its own takes its line end with
 * it, and white space around a document is no part of it.
 */
export function documentsOf(records: readonly TextRecord[], config: DocumentSettings): string[] {
  const { separator } = config;
  return records
    .map(textMaker(config))
    .flatMap((text) => (separator === null ? [text] : text.split(separator)))
    .map((document) => document.trim())
    .filter((document) => document !== '');
}
