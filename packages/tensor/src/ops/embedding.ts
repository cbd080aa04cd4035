import { customGradient } from '../autograd.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { segmentSumKernel, sortedOrderKernel } from '../kernels/segments.js';
import { apply, type Operation } from '../operation.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { gatherRows, hotRows, NO_ROW } from './gather.js';
import { checkIndices } from './indices.js';
import { matmul } from './matmul.js';

const sortedOrder: Operation<undefined> = {
  name: 'sortedOrder',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: 'i32' }),
  gradient: 'nonDifferentiable',
  lowering: { kind: 'kernel', build: sortedOrderKernel },
};

const segmentSum: Operation<{ readonly rows: number }> = {
  name: 'segmentSum',
  infer: (inputs, { rows }) => ({
    shape: [rows, (inputs[2] as GraphNode).shape[1] as number],
    dtype: 'f32',
  }),
  gradient: (upstream, { inputs }) => [undefined, undefined, embedding(upstream, inputs[1] as Tensor)],
  lowering: {
    kind: 'kernel',
    build: segmentSumKernel,
    outputType: ({ shape }) => ((shape[1] as number) % 4 === 0 ? 'vec4<f32>' : 'f32'),
  },
};

/** Rows of a table up to which a product with one-hot rows is faster: few rows are long sums for few invocations. */
const FEW_ROWS = 8;

/** Sums the rows of `source` `[count, width]` by their ids `[count]`: the transpose of a look-up in `rows` rows. */
function sumById(source: Tensor, ids: Tensor, rows: number): Tensor {
  if (rows <= FEW_ROWS) return matmul(hotRows(ids, rows), source, { transposeA: true });
  return apply(segmentSum, [apply(sortedOrder, [ids], undefined), ids, source], { rows });
}

/**
 * Rows of a table. The gradient of a row sums over its occurrences in order, so that it is the same on every run.
 *
 * @param table - f32 `[vocabulary, width]`
 * @param ids - i32 `[...]`; -1 gives zeros. Others out of range are refused where the host knows them; computed on the
 *   GPU they give zeros too
 * @returns f32 `[..., width]`
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  if (table.rank !== 2)
    throw new ShapeError(`embedding: expected a table [vocabulary, width], got ${formatShape(table.shape)}.`);
  if (ids.dtype !== 'i32')
    throw new DTypeError(`embedding: expected i32 ids, got ${ids.dtype}. Use cast('i32').`);
  const [rows, width] = table.shape as [number, number];
  const flat = ids.reshape([ids.size]);
  checkIndices(ids, { name: 'embedding: id', size: rows, also: NO_ROW });
  const found = gatherRows(table, flat);
  const looked = customGradient(found, [table], (upstream) => [
    table.size === 0 || ids.size === 0 ? table.mul(0) : sumById(upstream, flat, rows),
  ]);
  return looked.reshape([...ids.shape, width]);
}
