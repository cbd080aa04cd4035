import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { matmulKernel, matmulOutputType } from '../kernels/matmul/variants.js';
import { apply, type Operation } from '../operation.js';
import { broadcastShapes, formatShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

export interface MatmulOptions {
  /** Read the left (right) matrix transposed, at no cost. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Sizes of a product of `[rows, inner]` and `[inner, columns]` matrices. */
export interface MatmulSizes {
  readonly batch: Shape;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

export function matmulSizes(a: Shape, b: Shape, { transposeA, transposeB }: MatmulAttributes): MatmulSizes {
  const matrix = (shape: Shape, transposed: boolean): [number, number] => {
    const [first, second] = shape.slice(-2) as [number, number];
    return transposed ? [second, first] : [first, second];
  };
  const [rows, inner] = matrix(a, transposeA);
  const [innerB, columns] = matrix(b, transposeB);
  if (inner !== innerB) {
    const flags = `${transposeA ? ', transposeA' : ''}${transposeB ? ', transposeB' : ''}`;
    throw new ShapeError(
      `matmul: ${formatShape(a)} and ${formatShape(b)}${flags} do not fit: the inner sizes are ${inner} and ${innerB}.`,
    );
  }
  return { batch: broadcastShapes('matmul', a.slice(0, -2), b.slice(0, -2)), rows, inner, columns };
}

/** Sums a gradient over the batch axes along which its input was broadcast. */
function reduceBatch(gradient: Tensor, shape: Shape): Tensor {
  const added = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < added || size !== shape[axis - added] ? [axis] : [],
  );
  return axes.length === 0 ? gradient : gradient.sum(axes, { keepDims: true }).reshape(shape);
}

export const matmulOperation: Operation<MatmulAttributes> = {
  name: 'matmul',
  infer: (inputs, attributes) => {
    const [a, b] = inputs as [GraphNode, GraphNode];
    if (!isFloat(a.dtype) || !isFloat(b.dtype)) {
      throw new DTypeError(`matmul: expected f32 or f16, got ${a.dtype} and ${b.dtype}. Use cast('f32').`);
    }
    const { batch, rows, columns } = matmulSizes(a.shape, b.shape, attributes);
    return { shape: [...batch, rows, columns], dtype: 'f32' };
  },
  // C = A B gives dA = dC B' and dB = A' dC; a transposed factor has the transposed gradient.
  gradient: (upstream, { inputs, attributes: { transposeA, transposeB } }) => {
    const [a, b] = inputs as [Tensor, Tensor];
    const towardsA = transposeA
      ? matmul(b, upstream, { transposeA: transposeB, transposeB: true })
      : matmul(upstream, b, { transposeB: !transposeB });
    const towardsB = transposeB
      ? matmul(upstream, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, upstream, { transposeA: !transposeA });
    return [reduceBatch(towardsA, a.shape), reduceBatch(towardsB, b.shape)];
  },
  lowering: {
    kind: 'kernel',
    build: matmulKernel,
    outputType: matmulOutputType,
    epilogue: true,
  },
};

/**
 * Matrix product over the last two axes; the axes before them broadcast. A vector on the left counts as one row,
 * on the right as one column. Products of f16 are added up in f32.
 *
 * @param a - f32 or f16 `[..., rows, inner]`
 * @param b - f32 or f16 `[..., inner, columns]`
 * @returns f32 `[..., rows, columns]`
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError('matmul: expected at least one axis on each side, got a scalar.');
  if (a.rank === 1) return matmul(a.unsqueeze(0), b, { transposeB }).squeeze(b.rank === 1 ? 0 : -2);
  if (b.rank === 1) return matmul(a, b.unsqueeze(1), { transposeA }).squeeze(-1);
  // One tall product is faster than a batch of small ones with the same right side.
  if (b.rank === 2 && a.rank > 2 && !transposeA) {
    const rows = a.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const tall = apply(matmulOperation, [a.reshape([rows, a.shape.at(-1) as number]), b], {
      transposeA,
      transposeB,
    });
    return tall.reshape([...a.shape.slice(0, -1), tall.shape[1] as number]);
  }
  return apply(matmulOperation, [a, b], { transposeA, transposeB });
}
