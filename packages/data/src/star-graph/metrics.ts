import type { StarGraphConfig } from './config.js';

/** Whether the generated path is the expected one, token by token and of the same length. */
export function exactMatch(generated: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  if (generated.length !== expected.length) return false;
  for (let place = 0; place < expected.length; place++) {
    if (generated[place] !== expected[place]) return false;
  }
  return true;
}

/**
 * Where a written path of `length` tokens holds the node next to the start, the only one that takes a
 * choice of arm: place 1 of a forward path (`s x . g`), place `length - 2` of a reversed one (`g . x s`).
 */
export function firstHopPlace(length: number, target: StarGraphConfig['target']): number {
  return target === 'forward' ? 1 : length - 2;
}

/** Whether the generated path leaves the start along the right arm, whatever its other tokens are. */
export function firstHop(
  generated: ArrayLike<number>,
  expected: ArrayLike<number>,
  target: StarGraphConfig['target'],
): boolean {
  const place = firstHopPlace(expected.length, target);
  return generated[place] === expected[place];
}

/** What choosing an arm at random and following it scores, in both metrics. */
export const starGraphChance = (config: Pick<StarGraphConfig, 'degree'>): number => 1 / config.degree;
