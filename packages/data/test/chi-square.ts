/** Pearson's statistic of counts against equal expectations; compare with the quantile for `counts.length - 1`. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((total, count) => total + count, 0) / counts.length;
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
}
