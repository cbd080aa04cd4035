import { ForetokenError } from '../errors.js';
import type { Tensor } from '../tensor.js';

/**
 * `cap * tanh(x / cap)`: near the identity where x is small, never beyond `cap` (Gemma 2, arXiv 2408.00118).
 *
 * @throws ForetokenError unless `cap` is above 0
 */
export function softCap(x: Tensor, cap: number): Tensor {
  if (!(cap > 0)) throw new ForetokenError(`softCap: expected a cap above 0, got ${cap}.`);
  return x
    .mul(1 / cap)
    .tanh()
    .mul(cap);
}

/** The slope of `softCap` where it gave `capped`. */
export const softCapSlope = (capped: Tensor, cap: number): Tensor =>
  capped
    .mul(1 / cap)
    .square()
    .neg()
    .add(1);
