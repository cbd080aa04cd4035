import { type DocumentText, type TextTokenizer, utf8Length } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { EvaluationError } from './errors.js';
import type { EvaluatedUnit, Figure } from './figures.js';
import { type EvaluationProgress, scoreTokens } from './token-scorer.js';
import { checkWindows, windowsOf } from './windows.js';

/** A document in tokens. */
export interface EncodedDocument {
  /** Where it stands: `valid.txt#3`. Models are compared on documents of the same name. */
  readonly where: string;
  /** Its tokens. The first is not scored, so it is the one that begins a text, where there is such a token. */
  readonly ids: Int32Array;
  /** Bytes in UTF-8 of the text that the scored tokens stand for. */
  readonly bytes: number;
}

export interface EncodeDocumentOptions {
  /** Scores the token that ends a text, too. Default false. */
  readonly endToken?: boolean;
}

/**
 * A document in tokens, behind the token that begins a text where the tokenizer itself puts one there. Where it does
 * not, the first token of the text takes that place, and its bytes do not count.
 *
 * @throws EvaluationError when the token that ends a text is asked for and there is none
 */
export function encodeDocument(
  tokenizer: TextTokenizer,
  text: DocumentText,
  where: string,
  { endToken = false }: EncodeDocumentOptions = {},
): EncodedDocument {
  const begin = tokenizer.addsBeginToken;
  if (endToken && tokenizer.endToken === undefined) {
    throw new EvaluationError(
      `perplexity: ${tokenizer.name} names no eos_token to end documents with. Leave the end token out.`,
    );
  }
  const ids = tokenizer.encodeLong(text, { begin, end: endToken });
  // An end token alone stands for no text.
  const first = ids.subarray(0, text.length > 0 ? 1 : 0);
  const unscored = begin ? 0 : utf8Length(tokenizer.decode(first));
  return { where, ids, bytes: Math.max(0, utf8Length(text) - unscored) };
}

export interface PerplexityOptions {
  /** Tokens that the model reads at a time. Default: its positions, at most 2048. */
  readonly window?: number | undefined;
  /** Tokens from the beginning of one window to that of the next; windows do not overlap when it is absent. */
  readonly stride?: number | undefined;
  /** Windows of a pass. Default: as many as make about 4096 tokens. */
  readonly batch?: number | undefined;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

/** What a model makes of one document, or of one window. */
export interface ScoredText {
  readonly where: string;
  /** Sum of `-log p` of its scored tokens, in nats. */
  readonly total: number;
  readonly tokens: number;
  readonly bytes: number;
}

export interface Perplexity {
  /** Mean of `-log p` over all scored tokens, in nats. */
  readonly loss: number;
  /** `exp(loss)` */
  readonly perplexity: number;
  /** Bits for each byte of text in UTF-8; compares models of different tokenizers. Null where bytes are not known. */
  readonly bitsPerByte: number | null;
  /** Scored tokens. */
  readonly tokens: number;
  readonly bytes: number;
  readonly window: number;
  readonly stride: number | null;
  readonly documents: readonly ScoredText[];
  readonly windows: readonly ScoredText[];
}

/** Windows that are read by default, where the model can read longer ones. */
const DEFAULT_WINDOW = 2048;
const DEFAULT_PASS_TOKENS = 4096;

/**
 * The perplexity of a model on documents, each for itself: `exp` of the mean loss over all tokens, where every token
 * but the first of a document counts once. Losses are computed in f32 by the trunk and the output alone, and added up
 * in double precision.
 *
 * @throws EvaluationError when windows make no sense, there is nothing to score, or a loss is not a number
 * @example
 * const documents = texts.map((text, at) => encodeDocument(tokenizer, text, `text ${at}`));
 * const { perplexity } = await evaluatePerplexity(model, documents);
 */
export async function evaluatePerplexity(
  model: Transformer,
  documents: readonly EncodedDocument[],
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const { maxPositions } = model.config;
  const { window = Math.min(maxPositions, DEFAULT_WINDOW), stride } = options;
  const { batch = Math.max(1, Math.round(DEFAULT_PASS_TOKENS / window)), onProgress } = options;
  checkWindows({ window, stride }, maxPositions);
  const cut = documents.flatMap((document, at) =>
    windowsOf(document.ids.length, { window, stride }).map((place, number) => ({
      ...place,
      at,
      where: `${document.where}, window ${number + 1}`,
    })),
  );
  if (cut.length === 0) {
    throw new EvaluationError('perplexity: there is no token to score; the documents are empty.');
  }
  const losses = await scoreTokens(
    model,
    cut.map(({ at, start, end, from }) => ({
      ids: (documents[at] as EncodedDocument).ids.subarray(start, end),
      from,
    })),
    { batch, onProgress },
  );
  const totals = losses.map((values) => values.reduce((sum, value) => sum + value, 0));
  const windows = cut.map(({ at, where, start, end, from }, place): ScoredText => {
    const { ids, bytes } = documents[at] as EncodedDocument;
    const tokens = end - start - from;
    // Bytes of single tokens are not known: a window has its share of those of the document.
    return { where, total: totals[place] as number, tokens, bytes: (bytes * tokens) / (ids.length - 1) };
  });
  const sums = new Float64Array(documents.length);
  cut.forEach(({ at }, place) => {
    sums[at] = (sums[at] as number) + (totals[place] as number);
  });
  const scored = documents.map(
    ({ where, ids, bytes }, at): ScoredText => ({
      where,
      total: sums[at] as number,
      tokens: Math.max(0, ids.length - 1),
      bytes,
    }),
  );
  return { ...summary(scored), window, stride: stride ?? null, documents: scored, windows };
}

function summary(
  documents: readonly ScoredText[],
): Pick<Perplexity, 'loss' | 'perplexity' | 'bitsPerByte' | 'tokens' | 'bytes'> {
  const strange = documents.find(({ total }) => !Number.isFinite(total));
  if (strange !== undefined) {
    throw new EvaluationError(
      `perplexity: the loss on ${strange.where} is ${strange.total}. The weights are damaged, or too large for the precision.`,
    );
  }
  const sum = (key: 'total' | 'tokens' | 'bytes'): number =>
    documents.reduce((before, document) => before + document[key], 0);
  const [total, tokens, bytes] = [sum('total'), sum('tokens'), sum('bytes')];
  const loss = total / tokens;
  const bitsPerByte = bytes > 0 ? total / Math.LN2 / bytes : null;
  return { loss, perplexity: Math.exp(loss), bitsPerByte, tokens, bytes };
}

/** What perplexity is reported as. */
export const perplexityFigures: readonly Figure[] = [
  { name: 'loss', label: 'loss', better: 'lower' },
  { name: 'perplexity', label: 'perplexity', better: 'lower', of: Math.exp },
  { name: 'bitsPerByte', label: 'bits/byte', better: 'lower' },
];

/** What intervals are taken over: documents, or the windows of a single one. */
export function perplexityUnits({ documents, windows }: Perplexity): {
  readonly over: 'documents' | 'windows';
  readonly units: EvaluatedUnit[];
} {
  const scored = documents.filter(({ tokens }) => tokens > 0);
  const over = scored.length > 1 ? 'documents' : 'windows';
  const units = (over === 'documents' ? scored : windows).map(({ where, total, tokens, bytes }) => ({
    id: where,
    shares: {
      loss: { total, weight: tokens },
      perplexity: { total, weight: tokens },
      bitsPerByte: { total: total / Math.LN2, weight: bytes },
    },
  }));
  return { over, units };
}
