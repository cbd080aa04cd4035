/** Documents laid out in rows of one length. R rows, T tokens of a row. */
export interface PackedRows {
  /** R. */
  readonly rows: number;
  /** Ids `[R, T]`; -1 behind the end of a row that is not full. */
  readonly tokens: Int32Array;
  /** Number of the document of each token `[R, T]`; -1 behind the end. */
  readonly documents: Int32Array;
  /** Tokens in use of each row, `[R]`. */
  readonly lengths: Int32Array;
}

/** One token predicts nothing and is predicted by nothing. */
const SHORTEST = 2;

/** Where documents lie in rows: numbers alone, so that tokens need not be stored again. */
export interface RowLayout {
  readonly rows: number;
  /** Tokens in use of each row. */
  readonly lengths: Int32Array;
  /** Number of the document that each row begins with. */
  readonly documents: Int32Array;
  /** Which token of it the row begins with. */
  readonly offsets: Float64Array;
}

/**
 * Packs documents one behind the other into rows of `time` tokens. A document that does not end with a row goes on in
 * the next, which begins with the last token of the row before: so every token but the first of a document is
 * predicted exactly once. A row is left one token short rather than given the first token of a document alone.
 *
 * @param lengths - tokens of each document
 */
export function layOutRows(lengths: Iterable<number>, time: number): RowLayout {
  const rows = { lengths: [] as number[], documents: [] as number[], offsets: [] as number[] };
  let used = 0;
  let number = 0;
  const nextRow = (): void => {
    rows.lengths.push(used);
    used = 0;
  };
  for (const length of lengths) {
    for (let offset = 0; offset + SHORTEST <= length; ) {
      if (time - used < SHORTEST) nextRow();
      if (used === 0) {
        rows.documents.push(number);
        rows.offsets.push(offset);
      }
      const end = Math.min(offset + time - used, length);
      used += end - offset;
      offset = end === length ? end : end - 1;
    }
    number++;
  }
  if (used > 0) nextRow();
  return {
    rows: rows.lengths.length,
    lengths: Int32Array.from(rows.lengths),
    documents: Int32Array.from(rows.documents),
    offsets: Float64Array.from(rows.offsets),
  };
}

/** Documents that rows are filled from. */
export interface DocumentTokens {
  /** Tokens of a document. */
  lengthOf(document: number): number;
  /** Copies tokens `from` to `to - 1` of a document. */
  copyTo(target: Int32Array, at: number, document: number, from: number, to: number): void;
}

/** Where a row is written. */
export interface RowTarget {
  readonly tokens: Int32Array;
  readonly documents: Int32Array;
  readonly at: number;
}

/** Writes a row of a layout; what is behind its end is left as it is. */
export function fillRow(
  layout: RowLayout,
  row: number,
  documents: DocumentTokens,
  { tokens, documents: numbers, at }: RowTarget,
): void {
  const length = layout.lengths[row] as number;
  let offset = layout.offsets[row] as number;
  let filled = 0;
  for (let number = layout.documents[row] as number; filled < length; number++) {
    const whole = documents.lengthOf(number);
    if (whole >= SHORTEST) {
      const end = Math.min(whole, offset + length - filled);
      documents.copyTo(tokens, at + filled, number, offset, end);
      numbers.fill(number, at + filled, at + filled + end - offset);
      filled += end - offset;
    }
    offset = 0;
  }
}

/** Documents in rows, see {@link layOutRows}. */
export function packDocuments(documents: Iterable<ArrayLike<number>>, time: number): PackedRows {
  const all = [...documents];
  const layout = layOutRows(
    all.map(({ length }) => length),
    time,
  );
  const tokens = new Int32Array(layout.rows * time).fill(-1);
  const numbers = new Int32Array(layout.rows * time).fill(-1);
  const source: DocumentTokens = {
    lengthOf: (document) => (all[document] as ArrayLike<number>).length,
    copyTo: (target, at, document, from, to) => {
      for (let token = from; token < to; token++)
        target[at + token - from] = (all[document] as ArrayLike<number>)[token] as number;
    },
  };
  for (let row = 0; row < layout.rows; row++)
    fillRow(layout, row, source, { tokens, documents: numbers, at: row * time });
  return { rows: layout.rows, tokens, documents: numbers, lengths: layout.lengths };
}
