import type { DocumentText } from '@foretoken/data';
import { readDocuments as documentsOf } from '@foretoken/data/node';
import {
  type EncodedDocument,
  encodeDocument,
  evaluatePerplexity,
  perplexityFigures,
  perplexityUnits,
} from '@foretoken/train';
import { UsageError } from '../errors.js';
import type { TextModel } from '../models/open-model.js';
import type { OnProgress, Outcome } from './outcome.js';

export interface TextSettings {
  readonly column: string;
  /** Stands between documents; null where a record is one. */
  readonly separator: string | null;
}

/** A document and where it stands. */
export interface NamedText {
  readonly where: string;
  readonly text: DocumentText;
}

interface NamedDocument extends NamedText {
  readonly record: string;
  where: string;
}

/**
 * The first documents of files.
 *
 * @throws DataFileError for what cannot be read, UsageError when there is no text
 */
export async function readDocuments(
  files: readonly string[],
  settings: TextSettings,
  limit = Number.POSITIVE_INFINITY,
): Promise<NamedText[]> {
  const documents: NamedText[] = [];
  for (const file of files) {
    let before: NamedDocument | undefined;
    for await (const { where, number, text } of documentsOf(file, settings)) {
      // The first document of a record is named after it alone where no second one follows.
      if (before !== undefined && number > 1) before.where = `${before.record}#1`;
      if (documents.length >= limit) return documents;
      const document = { record: where, where: number === 1 ? where : `${where}#${number}`, text };
      before = number === 1 ? document : undefined;
      documents.push(document);
    }
  }
  if (documents.length === 0)
    throw new UsageError(`${files.join(', ')}: there is no text, all documents are blank.`);
  return documents;
}

export interface PerplexitySettings {
  readonly window?: number | undefined;
  readonly stride?: number | undefined;
  readonly batch?: number | undefined;
  readonly endToken: boolean;
}

export async function perplexityOf(
  { model, tokenizer }: TextModel,
  texts: readonly NamedText[],
  { endToken, ...options }: PerplexitySettings,
  onProgress: OnProgress,
): Promise<Outcome> {
  const documents = texts.map(
    ({ where, text }): EncodedDocument => encodeDocument(tokenizer, text, where, { endToken }),
  );
  const result = await evaluatePerplexity(model, documents, { ...options, onProgress });
  const { over, units } = perplexityUnits(result);
  const { tokens, bytes, window, stride } = result;
  const unknown = shareOfUnknown(documents, tokenizer.unknownToken);
  return {
    figures: perplexityFigures,
    units,
    facts: {
      tokens,
      bytes,
      documents: documents.length,
      windows: result.windows.length,
      window,
      stride,
      firstTokens: tokenizer.addsBeginToken ? 'scored' : 'not scored',
      intervalsOver: over,
      unknownShare: unknown,
    },
    samples: result.documents.map(({ where, total, ...counts }) => ({
      where,
      loss: counts.tokens > 0 ? total / counts.tokens : null,
      ...counts,
    })),
    notes: unknown > 0 ? [`${(100 * unknown).toFixed(2)}% of the tokens are unknown to the tokenizer`] : [],
  };
}

function shareOfUnknown(documents: readonly EncodedDocument[], unknownToken: number | undefined): number {
  let [unknown, all] = [0, 0];
  for (const { ids } of documents) {
    all += ids.length;
    for (const id of ids) if (id === unknownToken) unknown++;
  }
  return unknown / Math.max(1, all);
}
