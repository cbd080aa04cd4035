/** What the interleaved sequence of the paper looks like: an oracle written from its published code's index arithmetic. */
export interface OracleSequence {
  /** A token, or 'r' for a register. */
  readonly kinds: readonly (number | 'r')[];
  readonly positions: readonly number[];
  /** -100 where nothing is predicted. */
  readonly targets: readonly number[];
  /** Row attends to column. */
  readonly mask: readonly (readonly boolean[])[];
}

/**
 * One question and its answer, a register BEFORE each token of the answer (before each token but the first when there
 * is no question), with one offset for all registers.
 */
export function officialLayout(
  tokens: readonly number[],
  question: number,
  offset: number,
  bidirectional: boolean,
): OracleSequence {
  const kinds: (number | 'r')[] = [];
  const realIndex: number[] = [];
  tokens.forEach((token, index) => {
    if (index >= Math.max(question, 1)) {
      kinds.push('r');
      realIndex.push(-1);
    }
    kinds.push(token);
    realIndex.push(index);
  });
  const positions: number[] = [];
  const targets: number[] = [];
  kinds.forEach((kind, at) => {
    if (kind === 'r') {
      // The register stands before real token `next`; with the code's zero-based `offset - 1` it predicts next + that.
      const next = realIndex[at + 1] as number;
      const ahead = next + (offset - 1);
      positions.push(Math.min(ahead - 1, tokens.length - 1));
      targets.push(ahead < tokens.length ? (tokens[ahead] as number) : -100);
    } else {
      const index = realIndex[at] as number;
      positions.push(index);
      const isScored = index + 1 < tokens.length && index + 1 >= question;
      targets.push(isScored ? (tokens[index + 1] as number) : -100);
    }
  });
  const mask = kinds.map((row, i) =>
    kinds.map((column, j) => {
      if (column === 'r') return i === j;
      if (j <= i) return true;
      const rowReal = realIndex[i] as number;
      const columnReal = realIndex[j] as number;
      return bidirectional && row !== 'r' && rowReal < question && columnReal < question;
    }),
  );
  return { kinds, positions, targets, mask };
}
