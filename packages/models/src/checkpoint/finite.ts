import { printable, shorten } from '@foretoken/input';
import type { Shape } from '@foretoken/tensor';
import { firstNonFinite } from '../generation-error.js';
import { CheckpointError } from './errors.js';

/** Where element `index` of a row-major tensor lies. */
function coordinates(index: number, shape: Shape): number[] {
  const found: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    found.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return found;
}

/**
 * Checks values of a tensor, from element `start` of it on.
 *
 * @throws CheckpointError naming the tensor and the first value that is NaN or infinite
 */
export function checkFinite(
  label: string,
  name: string,
  shape: Shape,
  values: Float32Array,
  start: number,
): void {
  const at = firstNonFinite(values);
  if (at === -1) return;
  const where = coordinates(start + at, shape).join(', ');
  throw new CheckpointError(
    `${label}: tensor ${printable(shorten(name, 120))} holds ${values[at]} at [${where}]. A model with such a weight gives nothing but NaN; take an earlier checkpoint of it.`,
  );
}
