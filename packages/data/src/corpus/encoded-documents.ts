import type { DocumentText } from '../text/long-text.js';
import { endingOf } from '../text/sources.js';
import type { TextTokenizer } from '../text/tokenizer.js';
import type { CorpusConfig } from './config.js';
import { TokenStore } from './token-store.js';

/** Documents in tokens, one behind the other. */
export class EncodedDocuments {
  readonly #tokenizer: TextTokenizer;
  readonly #store: TokenStore;
  /** Where each document begins, and where the last one ends. */
  readonly #starts: number[] = [0];
  readonly #begin: boolean;
  readonly #ending: readonly number[];

  /** @throws TaskConfigError when the token that ends a text is wanted and there is none */
  constructor(config: Pick<CorpusConfig, 'beginToken' | 'endToken'>, tokenizer: TextTokenizer) {
    this.#tokenizer = tokenizer;
    this.#store = new TokenStore(tokenizer.vocabularySize);
    this.#begin = config.beginToken ?? tokenizer.addsBeginToken;
    this.#ending = endingOf('text corpus', config, tokenizer);
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  addLong(text: DocumentText): void {
    for (const ids of this.#tokenizer.encodePieces(text, { begin: this.#begin })) this.#store.append(ids);
    this.#end();
  }

  addAll(texts: readonly string[]): void {
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    this.#tokenizer.together(length, () => {
      for (const text of texts) this.addLong(text);
    });
  }

  lengthOf(document: number): number {
    return (this.#starts[document + 1] as number) - (this.#starts[document] as number);
  }

  /** Copies tokens `from` to `to - 1` of a document. */
  copyTo(target: Int32Array, at: number, document: number, from: number, to: number): void {
    const start = this.#starts[document] as number;
    this.#store.copyTo(target, at, start + from, start + to);
  }

  /** How many tokens of a document are this one. */
  countOf(id: number, document: number): number {
    return this.#store.countOf(id, this.#starts[document] as number, this.#starts[document + 1] as number);
  }

  #end(): void {
    this.#store.append(this.#ending);
    this.#starts.push(this.#store.length);
  }
}
