/** Gives the text of all ids at once; what {@link TokenStream} needs of a tokenizer. */
export type Decode = (ids: readonly number[]) => string;

/** What a decoder gives for bytes that are no character, or not yet: one for an unfinished character. */
const UNFINISHED = '\uFFFD';

/**
 * Turns tokens into text as they are generated. A token may be a part of a character, and a decoder may drop the
 * space before the first word that it sees, so each piece is the difference that a token makes to the text of the
 * tokens before it, and unfinished characters are held back.
 *
 * The pieces, with that of `end`, make up what decoding all tokens at once gives.
 */
export class TokenStream {
  readonly #decode: Decode;
  /** Tokens from a place where the text was complete on; enough to know whether a space belongs before the next. */
  #window: number[];
  /** How many tokens of the window lie before the text that is being given out. */
  #before: number;
  /** Letters that have been given out of the text behind those. */
  #shown = 0;

  /**
   * @param context - tokens before the first one, the prompt for instance. They are not given out, but the text
   *   goes on behind them, with its leading space.
   */
  constructor(decode: Decode, context: readonly number[] = []) {
    this.#decode = decode;
    this.#window = [...context];
    this.#before = context.length;
  }

  /** The text that has become complete with this token; empty while a character is unfinished. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#text();
    const complete = !text.endsWith(UNFINISHED);
    const stable = complete ? text : text.slice(0, -UNFINISHED.length);
    const piece = stable.slice(this.#shown);
    if (complete && text.length > 0) {
      this.#window = this.#window.slice(this.#before);
      this.#before = this.#window.length;
      this.#shown = 0;
    } else this.#shown = stable.length;
    return piece;
  }

  /** What was held back, with U+FFFD for a character that was never finished. */
  end(): string {
    const text = this.#text();
    const piece = text.slice(this.#shown);
    this.#shown = text.length;
    return piece;
  }

  #text(): string {
    const before = this.#decode(this.#window.slice(0, this.#before));
    return this.#decode(this.#window).slice(before.length);
  }
}
