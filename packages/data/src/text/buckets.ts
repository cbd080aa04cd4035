/**
 * Lengths that batches are padded to, in rising order. Every new shape of a batch is compiled once, so they are few
 * and known beforehand.
 *
 * @param buckets - how many equal steps up to `maxTime`, or the lengths themselves
 */
export function bucketTimes(buckets: number | readonly number[], maxTime: number): number[] {
  const times =
    typeof buckets === 'number'
      ? Array.from({ length: buckets }, (_, step) => Math.ceil(((step + 1) * maxTime) / buckets))
      : buckets;
  return [...new Set(times)].sort((a, b) => a - b);
}

/** Number of the shortest bucket that holds so many tokens. */
export function bucketOf(length: number, times: readonly number[]): number {
  const found = times.findIndex((time) => length <= time);
  return found < 0 ? times.length - 1 : found;
}
