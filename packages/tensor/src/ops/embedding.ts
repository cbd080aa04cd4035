import { DTypeError, ShapeError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';

/**
 * Rows of a table. The gradient of a row sums over its occurrences in order, so that it is the same on every run.
 *
 * @param table - f32 `[vocabulary, width]`
 * @param ids - i32 `[...]`; -1 (or any id out of range) gives zeros
 * @returns f32 `[..., width]`
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  if (table.rank !== 2)
    throw new ShapeError(`embedding: expected a table [vocabulary, width], got ${formatShape(table.shape)}.`);
  if (ids.dtype !== 'i32')
    throw new DTypeError(`embedding: expected i32 ids, got ${ids.dtype}. Use cast('i32').`);
  const width = table.shape[1] as number;
  const places = ids.reshape([ids.size, 1]).expand([ids.size, width]);
  return table.gather(0, places).reshape([...ids.shape, width]);
}
