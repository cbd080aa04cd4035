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

/**
 * Packs documents one behind the other into rows of `time` tokens. A document that does not end with a row goes on in
 * the next, which begins with the last token of the row before: so every token but the first of a document is
 * predicted exactly once. A row is left one token short rather than given the first token of a document alone.
 */
export function packDocuments(documents: Iterable<ArrayLike<number>>, time: number): PackedRows {
  const rows: { tokens: number[]; documents: number[] }[] = [];
  let row: { tokens: number[]; documents: number[] } = { tokens: [], documents: [] };
  const nextRow = (): void => {
    rows.push(row);
    row = { tokens: [], documents: [] };
  };
  let number = 0;
  for (const document of documents) {
    for (let place = 0; place + SHORTEST <= document.length; ) {
      if (time - row.tokens.length < SHORTEST) nextRow();
      const end = Math.min(place + time - row.tokens.length, document.length);
      for (let token = place; token < end; token++) {
        row.tokens.push(document[token] as number);
        row.documents.push(number);
      }
      place = end === document.length ? end : end - 1;
    }
    number++;
  }
  if (row.tokens.length > 0) nextRow();
  const packed = {
    rows: rows.length,
    tokens: new Int32Array(rows.length * time).fill(-1),
    documents: new Int32Array(rows.length * time).fill(-1),
    lengths: Int32Array.from(rows, ({ tokens }) => tokens.length),
  };
  rows.forEach(({ tokens, documents }, at) => {
    packed.tokens.set(tokens, at * time);
    packed.documents.set(documents, at * time);
  });
  return packed;
}
