import { DATA_DOMAIN } from '../held-out.js';
import { PhiloxRandom } from '../random/philox-random.js';

export interface EpochOrderOptions {
  /** Bucket of each example. */
  readonly buckets: ArrayLike<number>;
  readonly bucketCount: number;
  /** Examples that lie together and share a bucket. */
  readonly group: number;
  /** Seed and epoch of a shuffle; examples stay in order without it. */
  readonly shuffle?: { readonly seed: number; readonly epoch: number } | undefined;
}

const range = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, place) => place);

/** Entries of an epoch: all examples, filled up to whole groups. */
export const epochLength = (examples: number, group: number): number => Math.ceil(examples / group) * group;

/**
 * The examples of an epoch in the order in which they are learned. Each group of `group` entries holds examples of one
 * bucket, so that a batch of a size that divides `group` has one length. What is left of a bucket goes on to the next
 * longer one. The last group is filled up with the first examples of the shuffle, which are thus seen twice.
 *
 * A function of its arguments alone: no state is needed to go on in the middle of an epoch.
 */
export function epochOrder({ buckets, bucketCount, group, shuffle }: EpochOrderOptions): Uint32Array {
  const count = buckets.length;
  const examples = range(count);
  if (shuffle !== undefined) {
    new PhiloxRandom(shuffle.seed, { domain: DATA_DOMAIN.epoch, index: shuffle.epoch }).shuffle(examples);
  }
  const length = epochLength(count, group);
  const sorted = new Uint32Array(length);
  let placed = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    for (const example of examples) if (buckets[example] === bucket) sorted[placed++] = example;
  }
  for (let extra = 0; placed < length; extra++) sorted[placed++] = examples[extra % count] as number;
  if (shuffle === undefined) return sorted;
  const groups = range(length / group);
  new PhiloxRandom(shuffle.seed, { domain: DATA_DOMAIN.groups, index: shuffle.epoch }).shuffle(groups);
  const order = new Uint32Array(length);
  groups.forEach((from, to) => {
    order.set(sorted.subarray(from * group, (from + 1) * group), to * group);
  });
  return order;
}
