import { characterBorder, type DocumentText } from './long-text.js';

/** Encodes a text that a string holds. */
export type EncodeText = (text: string) => number[];

export interface PieceSizes {
  /** UTF-16 units of a text that is encoded as a whole, at most. */
  readonly whole: number;
  /** Units of a piece of a longer one. */
  readonly piece: number;
}

/** Units before and behind a seam that are encoded to see whether a token reaches across it. */
const AROUND = 200;
/** Seams tried for a piece. */
const TRIES = 40;
/** How far before the end of a piece a seam is looked for. */
const BACK = 2 ** 14;

const startsWith = (ids: readonly number[], start: readonly number[]): boolean =>
  start.length <= ids.length && start.every((id, at) => ids[at] === id);

/** A line end with a word on either side, where hardly any tokenizer has a token across; else the space before a word. */
const SEAMS = [/(?<=\S\n)(?=\S)/g, /(?<=\S)(?=\s\S)/g];

/** Places to cut a text, the last first. */
function* places(text: string): Generator<number> {
  for (const seam of SEAMS) {
    const found = Array.from(text.matchAll(seam), ({ index }) => index);
    yield* found.slice(-TRIES / 2).reverse();
  }
}

/** Where a piece ends, at `target` or before: where no token reaches across. */
function seamBefore(text: DocumentText, start: number, target: number, encode: EncodeText): number {
  const from = characterBorder(text, Math.max(start + 1, target - BACK));
  const near = text.slice(from, target);
  for (const place of places(near)) {
    const seam = from + place;
    if (seam <= start) continue;
    const left = text.slice(characterBorder(text, Math.max(0, seam - AROUND)), seam);
    const right = text.slice(seam, characterBorder(text, Math.min(text.length, seam + AROUND)));
    if (startsWith(encode(left + right), encode(left))) return seam;
  }
  return characterBorder(text, target);
}

/**
 * The ids of a text, a piece at a time. A long text is cut where encoding shows that no token reaches across, and each
 * piece is encoded behind the end of the one before, so that the ids are those of the whole text.
 */
export function* encodePieces(
  text: DocumentText,
  encode: EncodeText,
  { whole, piece }: PieceSizes,
): Generator<number[]> {
  if (text.length <= whole) {
    if (text.length > 0) yield encode(text.slice(0, text.length));
    return;
  }
  let before = '';
  for (let start = 0; start < text.length; ) {
    const last = start + piece >= text.length;
    const end = last ? text.length : seamBefore(text, start, start + piece, encode);
    const own = text.slice(start, end);
    const known = before === '' ? [] : encode(before);
    const ids = encode(before + own);
    yield startsWith(ids, known) ? ids.slice(known.length) : encode(own);
    before = text.slice(characterBorder(text, Math.max(0, end - AROUND)), end);
    start = end;
  }
}
