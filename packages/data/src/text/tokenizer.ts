import { oneLine, quote, withTimeLimit } from '@foretoken/input';
import { Tokenizer } from '@huggingface/tokenizers';
import { TokenizerError } from '../errors.js';
import { encodePieces, type PieceSizes } from './encode-pieces.js';
import type { DocumentText } from './long-text.js';
import { TokenStream } from './token-stream.js';
import { readTokenizerSettings, type TokenizerFiles, type TokenizerSettings } from './tokenizer-files.js';

/** What is used of the library, whose own types do not resolve under `moduleResolution: NodeNext` (0.2.0). */
interface HubTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  model: { cache?: WordCache };
}

/** Where the library keeps the parts of words. */
interface WordCache {
  get(word: string): string[] | undefined;
  put(word: string, parts: string[]): void;
  clear(): void;
}

export interface EncodeOptions {
  /** Puts the token in front that begins a text, where the tokenizer has one. Default false. */
  readonly begin?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens (`<s>`, `<|endoftext|>`) out of the text. Default true. */
  readonly skipSpecial?: boolean;
}

/**
 * A Hugging Face tokenizer, as `tokenizer.json` and its companions describe it. Ids are those of the `tokenizers`
 * library. Nothing is ever added to the vocabulary: registers and blanks are vectors of an objective, not tokens.
 */
export class TextTokenizer {
  /** Where it came from, for messages: the folder, usually. */
  readonly name: string;
  /** Every id is below this, special and added tokens included. A model may have more rows, never fewer. */
  readonly vocabularySize: number;
  /** Begins a text; undefined when the tokenizer has none. */
  readonly beginToken: number | undefined;
  /** Ends a text; undefined when the tokenizer has none. */
  readonly endToken: number | undefined;
  readonly padToken: number | undefined;
  readonly unknownToken: number | undefined;
  /** Whether the tokenizer itself begins every text with `beginToken`, as Llama's does and GPT-2's does not. */
  readonly addsBeginToken: boolean;
  /** `model_max_length`, where that is a length at all. */
  readonly modelMaxLength: number | undefined;
  readonly #tokenizer: HubTokenizer;
  readonly #patterns: TokenizerSettings['patterns'];
  readonly #sizes: PieceSizes;
  /** Whether a time limit is being kept already. */
  #isGuarded = false;

  /** @throws TokenizerError when the files are broken, of an unknown kind, or name special tokens that are not there */
  constructor(files: TokenizerFiles, name = 'tokenizer') {
    this.name = name;
    const settings = readTokenizerSettings(files, name);
    this.#patterns = settings.patterns;
    this.#sizes = settings.unigram ? UNIGRAM_SIZES : SIZES;
    this.#tokenizer = build(settings, name);
    this.vocabularySize = sizeOf(this.#tokenizer.get_vocab());
    this.beginToken = this.#specialId('bos_token', settings.beginToken);
    this.endToken = this.#specialId('eos_token', settings.endToken);
    this.padToken = this.#specialId('pad_token', settings.padToken);
    this.unknownToken = this.#specialId('unk_token', settings.unknownToken);
    this.addsBeginToken =
      this.beginToken !== undefined &&
      (settings.addsBeginToken ??
        this.#guarded(
          this.#patterns.encode,
          1,
          () => this.#tokenizer.encode('a', { add_special_tokens: true }).ids[0],
        ) === this.beginToken);
    this.modelMaxLength = settings.modelMaxLength;
  }

  /**
   * Ids of a text. The end token is never added: who lays out examples decides where a text ends. Special tokens that
   * are written out in the text (`</s>`) become those tokens, as in Hugging Face's libraries.
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const pieces = [...this.encodePieces(text, options)];
    return pieces.length === 1 ? (pieces[0] as number[]) : pieces.flat();
  }

  /** The ids of a text of any length, a piece at a time: together those of `encode`. */
  *encodePieces(text: DocumentText, { begin = false }: EncodeOptions = {}): Generator<number[]> {
    const first = begin && this.beginToken !== undefined ? [this.beginToken] : [];
    let isFirst = true;
    for (const ids of encodePieces(text, (piece) => this.#encode(piece), this.#sizes)) {
      yield isFirst && first.length > 0 ? [...first, ...ids] : ids;
      isFirst = false;
    }
    if (isFirst && first.length > 0) yield first;
  }

  /** The ids of a text of any length, with the token that ends a text behind them where that is wanted. */
  encodeLong(
    text: DocumentText,
    { end = false, ...options }: EncodeOptions & { readonly end?: boolean } = {},
  ): Int32Array {
    const pieces = Array.from(this.encodePieces(text, options), (ids) => Int32Array.from(ids));
    if (end && this.endToken !== undefined) pieces.push(Int32Array.of(this.endToken));
    const whole = new Int32Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /**
   * Does work that encodes texts of so many characters in all, under one time limit: faster for many short texts, each
   * of which has a limit of its own otherwise.
   */
  together<Result>(length: number, work: () => Result): Result {
    if (this.#isGuarded) return work();
    try {
      return this.#guarded(this.#patterns.encode, length, () => {
        this.#isGuarded = true;
        return work();
      });
    } finally {
      // Here, since what is interrupted runs no more of its own.
      this.#isGuarded = false;
    }
  }

  /** The text of ids, spaces as they are ("clean up" is never applied). Ids that no token has give nothing. */
  decode(ids: ArrayLike<number>, { skipSpecial = true }: DecodeOptions = {}): string {
    const known = Array.from(ids).filter((id) => this.#tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return this.#guarded(this.#patterns.decode, known.length, () =>
      this.#tokenizer.decode(known, {
        skip_special_tokens: skipSpecial,
        clean_up_tokenization_spaces: false,
      }),
    );
  }

  /** Turns ids into text one at a time, behind the ids of `context`. */
  stream(context: readonly number[] = [], options: DecodeOptions = {}): TokenStream {
    return new TokenStream((ids) => this.decode(ids, options), context);
  }

  /** A token as the vocabulary writes it, for tables; `<id>` where there is none. */
  tokenText(id: number): string {
    return this.#tokenizer.id_to_token(id) ?? `<${id}>`;
  }

  /** The id of a token as the vocabulary writes it. */
  tokenId(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  #encode(text: string): number[] {
    const ids = this.#guarded(this.#patterns.encode, text.length, () => {
      try {
        return this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
      } catch (cause) {
        // A word of a million letters, for instance, has more parts than a call takes.
        if (!(cause instanceof RangeError)) throw cause;
        throw new TokenizerError(
          `${this.name}: cannot write ${quote(text, EXCERPT)} in tokens: ${cause.message}.`,
          {
            cause,
          },
        );
      }
    });
    if (ids.includes(undefined)) throw this.#notWritable(text);
    return ids as number[];
  }

  /** Runs patterns of the tokenizer over so many characters, as long as that may take. */
  #guarded<Result>(hasPatterns: boolean, length: number, work: () => Result): Result {
    if (!hasPatterns || this.#isGuarded) return work();
    return withTimeLimit(work, {
      what: `${this.name}: the patterns of tokenizer.json on ${length} characters`,
      milliseconds: PATTERN_MILLISECONDS + length * MILLISECONDS_PER_CHARACTER,
      error: TokenizerError,
    });
  }

  #notWritable(text: string): TokenizerError {
    return new TokenizerError(
      `${this.name}: cannot write ${quote(text, EXCERPT)} in tokens, and has no unknown token to stand in. ` +
        'Use a tokenizer with byte fallback or an unk_token.',
    );
  }

  #specialId(key: string, token: string | undefined): number | undefined {
    if (token === undefined) return undefined;
    const id = this.tokenId(token);
    if (id === undefined) {
      throw new TokenizerError(
        `${this.name}: the ${key} ${quote(token)} is no token of tokenizer.json. ` +
          'The files of the folder belong to different tokenizers; copy them all from one model.',
      );
    }
    return id;
  }
}

/** Words whose parts are kept. */
const KEPT_WORDS = 2 ** 17;

/** The library's own cache puts a word behind all others each time it is used, which takes a third of the time. */
function wordCache(): WordCache {
  const known = new Map<string, string[]>();
  return {
    get: (word) => known.get(word),
    put: (word, parts) => {
      if (known.size < KEPT_WORDS) known.set(word, parts);
    },
    clear: () => known.clear(),
  };
}

function sizeOf(vocabulary: ReadonlyMap<string, number>): number {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  return size;
}

function build({ tokenizer, config }: TokenizerSettings, name: string): HubTokenizer {
  try {
    const built: HubTokenizer = new Tokenizer(tokenizer, config);
    if (built.model.cache !== undefined) built.model.cache = wordCache();
    return built;
  } catch (cause) {
    const reason = oneLine(cause instanceof Error ? cause.message : String(cause));
    throw new TokenizerError(
      `${name}: tokenizer.json cannot be used: ${reason.replace(/\.$/, '')}. ` +
        'Save it again with a current version of transformers (`save_pretrained`).',
      { cause },
    );
  }
}

const EXCERPT = 40;

/** Longer texts are encoded in pieces. */
const SIZES: PieceSizes = { whole: 2 ** 22, piece: 2 ** 20 };
/** The library keeps every token that a Unigram text could have, and passes those of a text as arguments. */
const UNIGRAM_SIZES: PieceSizes = { whole: 2 ** 16, piece: 2 ** 15 };

/** What patterns may take for a short text, and for each character: a hundred times what those in use take. */
const PATTERN_MILLISECONDS = 3000;
const MILLISECONDS_PER_CHARACTER = 0.02;

/** A vocabulary this much smaller than the model's rows is another model's: padding takes a few percent. */
const SMALLEST_SHARE = 0.9;

/**
 * Checks that a tokenizer can belong to a model of `vocabularySize` rows.
 *
 * @throws TokenizerError when it has ids beyond the rows, or so few that the model was trained with another one
 */
export function checkTokenizerFits(
  tokenizer: Pick<TextTokenizer, 'name' | 'vocabularySize'>,
  vocabularySize: number,
  model = 'the model',
): void {
  const ids = tokenizer.vocabularySize;
  if (ids <= vocabularySize && ids >= SMALLEST_SHARE * vocabularySize) return;
  throw new TokenizerError(
    `${tokenizer.name}: has ${ids} tokens, but ${model} has ${vocabularySize} rows of embeddings: ` +
      'the tokenizer belongs to another model. Use the tokenizer.json from the folder of the model.',
  );
}
