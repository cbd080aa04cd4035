import { type DocumentText, LongText } from '../text/long-text.js';

/** Characters that are kept as a string, at most. */
const SHORT = 2 ** 20;

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/**
 * Cuts a text that comes in pieces into documents, at a separator. As {@link documentsOf} does with a text as a whole:
 * white space around a document is no part of it, and blank ones are left out. Lines may end with `\r\n`.
 */
export class DocumentSplitter {
  readonly #separator: string | null;
  #tail = '';
  /** How much of the tail has no separator in it. */
  #searched = 0;
  /** What stands before the tail, where that is long. */
  #long: LongText | undefined;

  constructor(separator: string | null) {
    this.#separator = separator;
  }

  /** The documents that a piece of the text completes. */
  push(piece: string): DocumentText[] {
    const whole = this.#tail + piece;
    // It may be half of a line end.
    const isHalf = whole.endsWith('\r');
    this.#tail = (isHalf ? whole.slice(0, -1) : whole).replaceAll('\r\n', '\n');
    const documents = this.#cut();
    if (this.#tail.length > SHORT) this.#store();
    if (isHalf) this.#tail += '\r';
    return documents;
  }

  /** The document that the end of the text completes. */
  end(): DocumentText[] {
    return this.#complete(this.#tail);
  }

  #cut(): DocumentText[] {
    const separator = this.#separator;
    if (separator === null) return [];
    const documents: DocumentText[] = [];
    let start = 0;
    for (;;) {
      const found = this.#tail.indexOf(separator, Math.max(start, this.#searched));
      if (found < 0) break;
      documents.push(...this.#complete(this.#tail.slice(start, found)));
      start = found + separator.length;
    }
    this.#tail = this.#tail.slice(start);
    this.#searched = Math.max(0, this.#tail.length - separator.length);
    return documents;
  }

  /** Puts the tail away, but for what may be the beginning of a separator. */
  #store(): void {
    const kept = this.#separator?.length ?? 0;
    let end = this.#tail.length - kept;
    if (isHigh(this.#tail.charCodeAt(end - 1))) end--;
    this.#long ??= new LongText();
    this.#long.append(this.#tail.slice(0, end));
    this.#tail = this.#tail.slice(end);
    this.#searched = 0;
  }

  /** The document that ends with a text, unless it is blank. */
  #complete(last: string): DocumentText[] {
    const before = this.#long;
    this.#long = undefined;
    before?.append(last);
    const document = (before ?? last).trim();
    return document.length > 0 ? [document] : [];
  }
}
