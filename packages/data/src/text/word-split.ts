/** Stands for a space in SentencePiece vocabularies. */
const SPACE = '\u2581';

/** Spaces with the word behind them. */
const WORD = `${SPACE}*[^${SPACE}]+|${SPACE}+`;

type Fields = Readonly<Record<string, unknown>>;

/**
 * A split into words for tokenizers that read a whole text as one (SentencePiece's byte-pair encodings, as of Llama 2),
 * which takes long and remembers nothing. Where no token has a space behind a letter, no merge reaches from a word to
 * the next, and words on their own give the same tokens.
 *
 * @returns a pre-tokenizer in the form of tokenizer.json; undefined where texts are split already or must stay whole
 */
export function wordSplit(tokenizer: Fields, model: Fields): Fields | undefined {
  if (model['type'] !== 'BPE' || model['ignore_merges'] === true) return undefined;
  if (typeof model['end_of_word_suffix'] === 'string') return undefined;
  const across = new RegExp(`[^${SPACE}]${SPACE}`);
  if (Object.keys(model['vocab'] as Fields).some((token) => across.test(token))) return undefined;
  const split = { type: 'Split', pattern: { Regex: WORD }, behavior: 'Isolated', invert: false };
  const given = (tokenizer['pre_tokenizer'] ?? null) as Fields | null;
  if (given === null) return split;
  if (given['type'] !== 'Metaspace' || (given['replacement'] ?? SPACE) !== SPACE) return undefined;
  return { type: 'Sequence', pretokenizers: [given, split] };
}
