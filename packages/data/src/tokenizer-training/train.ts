import { TaskConfigError } from '../errors.js';
import type { TokenizerFiles } from '../text/tokenizer-files.js';
import { learnBytePairs } from './byte-pairs.js';
import { bytePairFiles, characterFiles } from './files.js';
import { countWords } from './word-counts.js';

/** `char`: a token for each character. `bpe`: byte-pair encoding over bytes, as GPT-2 has it. */
export const TOKENIZER_KINDS = ['char', 'bpe'] as const;
export type TokenizerKind = (typeof TOKENIZER_KINDS)[number];

export interface TrainTokenizerOptions {
  readonly kind: TokenizerKind;
  /** Tokens of `bpe` at most. Default 1000. */
  readonly vocabularySize?: number;
  /** Pairs that occur less often are not merged. Default 2. */
  readonly minFrequency?: number;
  /** Ends a text, and separates texts where it is written out in them. Default `<|endoftext|>`. */
  readonly endToken?: string;
}

export const DEFAULT_VOCABULARY_SIZE = 1000;
export const END_TOKEN = '<|endoftext|>';
/** Stands for characters that were not in the texts; a byte-level tokenizer needs none. */
export const UNKNOWN_TOKEN = '<unk>';

/** The bytes, and the token that ends a text. */
const LEAST_TOKENS = 257;
const MOST_TOKENS = 2 ** 20;

/** Characters of a language and its emoji; more are no alphabet. */
const MOST_CHARACTERS = 2 ** 16;

/** @throws TaskConfigError for a size that no such tokenizer can have */
export function checkVocabularySize(size: number): void {
  if (Number.isInteger(size) && size >= LEAST_TOKENS && size <= MOST_TOKENS) return;
  throw new TaskConfigError(
    `tokenizer: a byte-level vocabulary has ${LEAST_TOKENS} (256 bytes and ${END_TOKEN}) to ${MOST_TOKENS.toLocaleString('en')} tokens, got ${size}.`,
  );
}

/** Collects what a tokenizer is trained on, a text at a time: only characters or words and their counts are kept. */
export class TokenizerTrainer {
  readonly #options: Required<TrainTokenizerOptions>;
  readonly #characters = new Set<string>();
  readonly #words = new Map<string, number>();

  /** @throws TaskConfigError for a size that no such tokenizer can have */
  constructor({
    kind,
    vocabularySize = DEFAULT_VOCABULARY_SIZE,
    minFrequency = 2,
    endToken = END_TOKEN,
  }: TrainTokenizerOptions) {
    if (endToken === '')
      throw new TaskConfigError('tokenizer: the token that ends a text must not be empty.');
    if (kind === 'bpe') checkVocabularySize(vocabularySize);
    this.#options = { kind, vocabularySize, minFrequency, endToken };
  }

  add(text: string): void {
    for (const part of text.split(this.#options.endToken)) {
      if (this.#options.kind === 'bpe') countWords(part, this.#words);
      else for (const character of part) this.#characters.add(character);
    }
  }

  /** The tokenizer. @throws TaskConfigError where there was no text, or too many different characters for an alphabet */
  finish(): TokenizerFiles {
    const { kind, endToken } = this.#options;
    if (this.#characters.size + this.#words.size === 0)
      throw new TaskConfigError('tokenizer: there is no text to learn from.');
    if (kind === 'char') return characterFiles(this.#alphabet(), { endToken, unknownToken: UNKNOWN_TOKEN });
    return bytePairFiles(
      learnBytePairs(this.#words, { ...this.#options, specialTokens: [endToken] }),
      endToken,
    );
  }

  #alphabet(): string[] {
    const { size } = this.#characters;
    if (size > MOST_CHARACTERS) {
      throw new TaskConfigError(
        `tokenizer: the texts have ${size.toLocaleString('en')} different characters, more than ${MOST_CHARACTERS.toLocaleString('en')}. Use bpe.`,
      );
    }
    return [...this.#characters].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
  }
}

/**
 * Trains a tokenizer on texts. The result is what Hugging Face's `tokenizers` saves: write its parts as `tokenizer.json` and
 * `tokenizer_config.json`, or hand it to `TextTokenizer`. The same texts give the same tokenizer.
 *
 * @throws TaskConfigError for a size that does not fit, or texts without any character
 * @example const tokenizer = new TextTokenizer(trainTokenizer(texts, { kind: 'bpe', vocabularySize: 1000 }))
 */
export function trainTokenizer(texts: Iterable<string>, options: TrainTokenizerOptions): TokenizerFiles {
  const trainer = new TokenizerTrainer(options);
  for (const text of texts) trainer.add(text);
  return trainer.finish();
}
