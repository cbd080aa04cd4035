import { documentsOf } from '@foretoken/data';
import { readRecords } from '@foretoken/data/node';
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
  readonly text: string;
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
    for await (const record of readRecords(file, { columns: [settings.column] })) {
      const texts = documentsOf([record], settings);
      documents.push(
        ...texts.map((text, at) => ({
          where: texts.length === 1 ? record.where : `${record.where}#${at + 1}`,
          text,
        })),
      );
      if (documents.length >= limit) return documents.slice(0, limit);
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
