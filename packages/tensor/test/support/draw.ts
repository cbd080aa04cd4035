import { type Device, HostRandom, type Shape, sizeOf, type Variable } from '../../src/index.js';

/** Even values in -1 .. 1. */
export function evenValues(shape: Shape, seed: number): Float32Array {
  const random = new HostRandom(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1);
}

/** A trainable variable of even values in -1 .. 1. */
export const drawVariable = (device: Device, shape: Shape, seed: number): Variable =>
  device.variable(evenValues(shape, seed), { shape, name: `drawn${seed}` });

/** The largest difference between two lists of numbers of one length. */
export function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Array.from(expected).reduce((most, value, at) => {
    const difference = Math.abs(value - (actual[at] as number));
    return Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }, 0);
}
