/** UTF-16 units of a piece, at most. */
const PIECE = 2 ** 20;
/** Units that are made a string at once. */
const RUN = 2 ** 13;
const LAST_LATIN = 0xff;

interface Piece {
  readonly start: number;
  /** A byte per unit where that is enough. */
  readonly units: Uint8Array | Uint16Array;
}

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function unitsOf(text: string): Uint8Array | Uint16Array {
  const wide = new Uint16Array(text.length);
  let highest = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    wide[at] = unit;
    if (unit > highest) highest = unit;
  }
  return highest <= LAST_LATIN ? Uint8Array.from(wide) : wide;
}

/**
 * A text that may be longer than a string can be (2^29 units). Positions count UTF-16 units, as those of strings do.
 * The text lies outside of the JavaScript heap.
 */
export class LongText {
  readonly #pieces: Piece[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(text: string): void {
    for (let start = 0; start < text.length; start += PIECE) {
      const units = unitsOf(text.slice(start, start + PIECE));
      this.#pieces.push({ start: this.#length, units });
      this.#length += units.length;
    }
  }

  /** The unit at a position; NaN behind the end. */
  charCodeAt(position: number): number {
    const piece = this.#pieces[this.#pieceAt(position)];
    return piece?.units[position - piece.start] ?? Number.NaN;
  }

  /** The text from `start` to `end` as a string; it has to fit into one. */
  slice(start: number, end: number): string {
    const runs: string[] = [];
    for (let number = this.#pieceAt(start); number < this.#pieces.length; number++) {
      const piece = this.#pieces[number] as Piece;
      if (piece.start >= end) break;
      const last = Math.min(end - piece.start, piece.units.length);
      for (let from = Math.max(0, start - piece.start); from < last; from += RUN) {
        const units = piece.units.subarray(from, Math.min(from + RUN, last));
        // Faster than spreading, and of a bounded number of arguments.
        runs.push(String.fromCharCode.apply(null, units as unknown as number[]));
      }
    }
    return runs.join('');
  }

  /** A part of the text, which shares its memory. */
  part(start: number, end: number): LongText {
    const part = new LongText();
    for (const piece of this.#pieces) {
      const from = Math.max(0, start - piece.start);
      const to = Math.min(end - piece.start, piece.units.length);
      if (from >= to) continue;
      part.#pieces.push({ start: part.#length, units: piece.units.subarray(from, to) });
      part.#length += to - from;
    }
    return part;
  }

  /** The last position of a character of one unit, at `from` or before; -1 where there is none. */
  lastIndexOf(character: string, from: number): number {
    const unit = character.charCodeAt(0);
    for (let number = this.#pieceAt(from); number >= 0; number--) {
      const piece = this.#pieces[number];
      if (piece === undefined) break;
      const found = piece.units.lastIndexOf(unit, Math.min(from - piece.start, piece.units.length - 1));
      if (found >= 0) return piece.start + found;
    }
    return -1;
  }

  /** Without white space at both ends. */
  trim(): LongText {
    const isSpace = (position: number): boolean => /\s/.test(String.fromCharCode(this.charCodeAt(position)));
    let [start, end] = [0, this.#length];
    while (start < end && isSpace(start)) start++;
    while (end > start && isSpace(end - 1)) end--;
    return this.part(start, end);
  }

  #pieceAt(position: number): number {
    let [low, high] = [0, this.#pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle] as Piece).start <= position) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}

/** The text of a document, whatever its length. */
export type DocumentText = string | LongText;

/** A part of a text of any length. */
export const partOf = (text: DocumentText, start: number, end: number): DocumentText =>
  typeof text === 'string' ? text.slice(start, end) : text.part(start, end);

/** A position, or the one before where it lies between the halves of a surrogate pair. */
export const characterBorder = (text: DocumentText, position: number): number =>
  position > 0 && isLow(text.charCodeAt(position)) ? position - 1 : position;

/** Characters looked at around a cut. */
const AROUND = 128;

/** The last border of what a reader takes for a character (a letter with its accents, a joined emoji) up to a position. */
export function graphemeBorder(text: DocumentText, position: number): number {
  const start = characterBorder(text, Math.max(0, position - AROUND));
  const near = text.slice(start, characterBorder(text, Math.min(text.length, position + AROUND)));
  let border = start;
  for (const { index } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(near)) {
    if (start + index > position) break;
    border = start + index;
  }
  return position >= text.length ? text.length : border;
}

/** A text in strings of bounded length, none of which ends within a surrogate pair. */
export function* piecesOf(text: DocumentText): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = start + PIECE >= text.length ? text.length : characterBorder(text, start + PIECE);
    yield text.slice(start, end);
    start = end;
  }
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: DocumentText): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const piece of piecesOf(text)) bytes += encoder.encode(piece).length;
  return bytes;
}

/** Units of a string that a long text is cut into. */
const STRING = 2 ** 24;

/** A text as strings, cut behind line ends where there are any. */
export function* stringsOf(text: DocumentText): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const near = Math.min(start + STRING, text.length);
    const line = near === text.length ? near : text.lastIndexOf('\n', near) + 1;
    const end = line > start ? line : near;
    yield text.slice(start, end);
    start = end;
  }
}
