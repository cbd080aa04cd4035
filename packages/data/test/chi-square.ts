/** Pearson's statistic of counts against equal expectations; it has `counts.length - 1` degrees of freedom. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((total, count) => total + count, 0) / counts.length;
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
}
