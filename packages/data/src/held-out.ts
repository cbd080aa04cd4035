import { PhiloxRandom } from './random/philox-random.js';

/** Purposes of random streams over data sets; numbers that stored runs depend on. */
export const DATA_DOMAIN = {
  heldOut: 16,
  epoch: 17,
  groups: 18,
  hiddenClass: 19,
  imageChange: 20,
  imageMixing: 21,
} as const;

/**
 * Chooses a share of `count` items by a seed.
 *
 * @returns 1 for an item that is held out, 0 for the others; at least one of each where there are two or more items
 * and the share is not 0
 */
export function chooseHeldOut(count: number, share: number, seed: number): Uint8Array {
  const chosen = new Uint8Array(count);
  if (share === 0 || count < 2) return chosen;
  const size = Math.min(Math.max(Math.round(share * count), 1), count - 1);
  const random = new PhiloxRandom(seed, { domain: DATA_DOMAIN.heldOut, index: 0 });
  const order = random.shuffle(Uint32Array.from({ length: count }, (_, item) => item));
  for (const item of order.subarray(0, size)) chosen[item] = 1;
  return chosen;
}
