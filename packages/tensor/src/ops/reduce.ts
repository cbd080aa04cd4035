import { customGradient } from '../autograd.js';
import { loopEnd } from '../compile/loops.js';
import { type DType, LOWEST_F32 } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import { formatShape, normalizeAxes, normalizeAxis, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

export type Reducer = 'sum' | 'max' | 'min' | 'argmax' | 'argmin';

export interface ReductionAttributes {
  readonly reducer: Reducer;
  /** Ascending, without repeats; these axes vanish from the shape. */
  readonly axes: readonly number[];
}

const isIndexReducer = (reducer: Reducer): boolean => reducer === 'argmax' || reducer === 'argmin';

/** `shape` with the axes set to 1, for broadcasting a result against its input. */
const keptShape = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

export const reduction: Operation<ReductionAttributes> = {
  name: 'reduce',
  infer: (inputs, { reducer, axes }) => {
    const input = inputs[0] as GraphNode;
    return {
      shape: input.shape.filter((_, axis) => !axes.includes(axis)),
      dtype: isIndexReducer(reducer) ? 'i32' : input.dtype,
    };
  },
  gradient: (upstream, { inputs, output, attributes: { reducer, axes } }) => {
    const input = inputs[0] as Tensor;
    if (isIndexReducer(reducer)) return [undefined];
    const kept = keptShape(input.shape, axes);
    const spread = upstream.reshape(kept);
    if (reducer === 'sum') return [spread.expand(input.shape)];
    // Equal extremes share the gradient, as torch.amax and torch.amin do.
    const chosen = input.eq(output.reshape(kept)).cast('f32');
    // Where the extreme is NaN nothing equals it, and 0 / 0 gives NaN.
    return [spread.mul(chosen).div(chosen.sum(axes, { keepDims: true }))];
  },
  lowering: { kind: 'reduction' },
};

export interface ReduceOptions {
  /** Leave the reduced axes in the shape, with size 1. Default false. */
  readonly keepDims?: boolean;
}

export type Axes = number | readonly number[];

export function reduce(
  name: string,
  tensor: Tensor,
  reducer: Reducer,
  axes: Axes | undefined,
  options: ReduceOptions = {},
): Tensor {
  const along = normalizeAxes(name, axes, tensor.rank);
  if (tensor.dtype === 'f16') {
    throw new DTypeError(
      `${name}: expected f32 or integers, got f16${formatShape(tensor.shape)}. Use cast('f32').`,
    );
  }
  if (tensor.dtype === 'bool') {
    throw new DTypeError(
      `${name}: expected numbers, got bool${formatShape(tensor.shape)}. Use cast(), any() or all().`,
    );
  }
  if (reducer !== 'sum' && along.some((axis) => tensor.shape[axis] === 0)) {
    throw new ShapeError(
      `${name}: no elements to choose from along axes [${along}] of ${formatShape(tensor.shape)}.`,
    );
  }
  const reduced = along.length === 0 ? tensor : apply(reduction, [tensor], { reducer, axes: along });
  return options.keepDims ? reduced.reshape(keptShape(tensor.shape, along)) : reduced;
}

const countAlong = (tensor: Tensor, axes: Axes | undefined): number =>
  normalizeAxes('mean', axes, tensor.rank).reduce((count, axis) => count * (tensor.shape[axis] as number), 1);

/** Mean over `axes`. */
export function mean(tensor: Tensor, axes: Axes | undefined, options?: ReduceOptions): Tensor {
  if (tensor.dtype !== 'f32')
    throw new DTypeError(`mean: expected f32, got ${tensor.dtype}. Use cast('f32').`);
  return reduce('mean', tensor, 'sum', axes, options).div(countAlong(tensor, axes));
}

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count in the divisor: 1 is the unbiased estimate (default, as in PyTorch), 0 the biased. */
  readonly correction?: number;
}

/** Variance over `axes`, in two passes: accurate also where the mean is large. */
export function variance(tensor: Tensor, axes: Axes | undefined, options: VarianceOptions = {}): Tensor {
  const { correction = 1 } = options;
  const centred = tensor.sub(mean(tensor, axes, { keepDims: true }));
  const along = normalizeAxes('variance', axes, tensor.rank);
  const squares = reduce('variance', centred.square(), 'sum', along, options);
  const count = countAlong(tensor, axes) - correction;
  return customGradient(squares.div(Math.max(0, count)), [tensor], (upstream) => [
    // The mean takes no part: the centred values sum to zero.
    upstream
      .reshape(keptShape(tensor.shape, along))
      .mul(2 / count)
      .mul(centred),
  ]);
}

/** `log(sum(exp(x)))` over `axes`, without overflow. */
export function logSumExp(tensor: Tensor, axes: Axes | undefined, options: ReduceOptions = {}): Tensor {
  const along = normalizeAxes('logSumExp', axes, tensor.rank);
  // Of nothing it is the logarithm of zero.
  if (along.some((axis) => tensor.shape[axis] === 0))
    return reduce('logSumExp', tensor, 'sum', along, options).log();
  // The maximum cancels out of value and gradient, so no gradient goes through it. It is kept finite, so that
  // a row of negative infinities does not subtract infinity from itself.
  const highest = reduce('logSumExp', tensor, 'max', along, { keepDims: true })
    .detach()
    .clamp(LOWEST_F32, -LOWEST_F32);
  const total = tensor.sub(highest).exp().sum(along, { keepDims: true }).log().add(highest);
  return options.keepDims ? total : total.reshape(tensor.shape.filter((_, axis) => !along.includes(axis)));
}

/** The place of the greatest (least) element along `axis`, the first among equals; i32. */
export function argReduce(name: 'argmax' | 'argmin', tensor: Tensor, axis: number): Tensor {
  return reduce(name, tensor, name, normalizeAxis(name, axis, tensor.rank));
}

/** Whether any (all) elements hold, over `axes`; bool. */
export function logical(name: 'any' | 'all', tensor: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  if (tensor.dtype !== 'bool')
    throw new DTypeError(`${name}: expected bool, got ${tensor.dtype}. Compare first.`);
  const count = reduce(name, tensor.cast('i32'), 'sum', axes, options);
  return name === 'any' ? count.gt(0) : count.eq(countAlong(tensor, axes));
}

interface ScanAttributes {
  readonly axis: number;
}

/** Running sum. One invocation walks one row, in order, so that results do not depend on the adapter. */
const scan: Operation<ScanAttributes> = {
  name: 'cumsum',
  infer: (inputs) => ({
    shape: (inputs[0] as GraphNode).shape,
    dtype: (inputs[0] as GraphNode).dtype as DType,
  }),
  gradient: (upstream, { attributes: { axis } }) => [upstream.flip(axis).cumsum(axis).flip(axis)],
  lowering: {
    kind: 'kernel',
    build: ({ node, attributes: { axis }, wgsl }) => {
      const { shape } = node;
      const length = shape[axis] as number;
      const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
      const rows = length === 0 ? 0 : node.size / length;
      return wgsl.perInvocation(
        rows,
        (row) => `
  let start = (${row} / ${inner}u) * ${inner * length}u + ${row} % ${inner}u;
  var total = ${node.dtype}(0);
  for (var i = 0u; i < ${loopEnd(length)}; i++) {
    total += ${wgsl.reader(0)(`start + i * ${inner}u`)};
    ${wgsl.output}[start + i * ${inner}u] = total;
  }`,
      );
    },
  },
};

/** Sum of all elements up to and including each place along `axis`. */
export function cumsum(tensor: Tensor, axis: number): Tensor {
  const along = normalizeAxis('cumsum', axis, tensor.rank);
  if (tensor.dtype === 'bool' || tensor.dtype === 'f16')
    throw new DTypeError(`cumsum: expected numbers, got ${tensor.dtype}. Use cast('f32').`);
  return apply(scan, [tensor], { axis: along });
}
