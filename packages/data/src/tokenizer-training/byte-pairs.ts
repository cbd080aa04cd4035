// Byte-pair encoding (Sennrich et al., arXiv 1508.07909) over the bytes of words (Radford et al., 2019).
import { BYTE_ALPHABET, BYTE_CHARACTERS } from './byte-alphabet.js';
import { PairQueue } from './pair-queue.js';

/** What was learned. */
export interface BytePairs {
  /** Tokens in the order of their ids: special ones, the 256 bytes, then what merges make. */
  readonly tokens: readonly string[];
  /** Pairs of tokens in the order in which they are merged. */
  readonly merges: readonly (readonly [string, string])[];
}

export interface BytePairOptions {
  /** Tokens at most, special ones and the 256 bytes included. */
  readonly vocabularySize: number;
  /** Pairs that occur less often are not merged. */
  readonly minFrequency: number;
  readonly specialTokens: readonly string[];
}

/** Ids are below this, so that a pair is a number. */
const MOST_TOKENS = 2 ** 20;

interface Word {
  /** Ids of the tokens that the word is now made of. */
  tokens: number[];
  readonly count: number;
}

/** Words, and where each pair of neighbours occurs in them. */
class PairCounts {
  readonly counts = new Map<number, number>();
  readonly #words: readonly Word[];
  /** Words that have had a pair; some of them more than once, and some no longer. */
  readonly #wordsOf = new Map<number, number[]>();

  constructor(words: readonly Word[]) {
    this.#words = words;
    for (const [at, word] of words.entries()) this.#add(word, at, 1);
  }

  #add({ tokens, count }: Word, at: number, sign: 1 | -1, changed?: Set<number>, made?: number): void {
    for (let index = 0; index + 1 < tokens.length; index++) {
      const [left, right] = [tokens[index] as number, tokens[index + 1] as number];
      const pair = left * MOST_TOKENS + right;
      this.counts.set(pair, (this.counts.get(pair) ?? 0) + sign * count);
      if (sign < 0 || (made !== undefined && left !== made && right !== made)) continue;
      changed?.add(pair);
      const words = this.#wordsOf.get(pair);
      if (words === undefined) this.#wordsOf.set(pair, [at]);
      else if (words.at(-1) !== at) words.push(at);
    }
  }

  /** Merges a pair in all words, left to right. @returns the pairs with what was made, whose counts may have grown */
  merge(pair: number, made: number): Set<number> {
    const [left, right] = [Math.floor(pair / MOST_TOKENS), pair % MOST_TOKENS];
    const changed = new Set<number>();
    const words = this.#wordsOf.get(pair) ?? [];
    this.#wordsOf.delete(pair);
    for (const at of words) {
      const word = this.#words[at] as Word;
      const merged = mergeIn(word.tokens, left, right, made);
      if (merged === undefined) continue;
      this.#add(word, at, -1);
      word.tokens = merged;
      this.#add(word, at, 1, changed, made);
    }
    this.counts.delete(pair);
    return changed;
  }
}

/** The tokens with every pair as one token; undefined where it does not occur. */
function mergeIn(tokens: readonly number[], left: number, right: number, made: number): number[] | undefined {
  const merged: number[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const isPair = tokens[index] === left && tokens[index + 1] === right;
    merged.push(isPair ? made : (tokens[index] as number));
    if (isPair) index++;
  }
  return merged.length === tokens.length ? undefined : merged;
}

function splitIntoBytes(counts: ReadonlyMap<string, number>, idOf: ReadonlyMap<string, number>): Word[] {
  const encoder = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    count,
    tokens: Array.from(encoder.encode(word), (byte) => idOf.get(BYTE_CHARACTERS[byte] as string) as number),
  }));
}

/**
 * Learns merges from words: again and again the most frequent pair of neighbours becomes a token, of equally frequent
 * ones that of the lowest ids, as in Hugging Face's `tokenizers`. Only counts that a merge changes are counted again.
 *
 * @param counts - words with their frequencies
 */
export function learnBytePairs(
  counts: ReadonlyMap<string, number>,
  { vocabularySize, minFrequency, specialTokens }: BytePairOptions,
): BytePairs {
  const tokens = [...specialTokens, ...BYTE_ALPHABET];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const pairs = new PairCounts(splitIntoBytes(counts, idOf));
  const queue = new PairQueue();
  for (const [pair, count] of pairs.counts) queue.push({ pair, count });
  const merges: [string, string][] = [];
  while (tokens.length < vocabularySize) {
    const next = queue.pop();
    if (next === undefined) break;
    const { pair } = next;
    const count = pairs.counts.get(pair) ?? 0;
    if (count < Math.max(minFrequency, 1)) continue;
    // Merges since then have taken some of its occurrences.
    if (count !== next.count) {
      queue.push({ pair, count });
      continue;
    }
    const [left, right] = [
      tokens[Math.floor(pair / MOST_TOKENS)] as string,
      tokens[pair % MOST_TOKENS] as string,
    ];
    merges.push([left, right]);
    // Two pairs may spell the same token.
    const made = idOf.get(left + right) ?? tokens.length;
    if (made === tokens.length) tokens.push(left + right);
    idOf.set(left + right, made);
    for (const grown of pairs.merge(pair, made))
      queue.push({ pair: grown, count: pairs.counts.get(grown) as number });
  }
  return { tokens, merges };
}
