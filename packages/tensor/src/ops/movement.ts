import { checkNumber, type DType, wgslLiteral } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import {
  checkElements,
  checkShape,
  formatShape,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
} from '../shape.js';
import type { Tensor } from '../tensor.js';
import { where } from './elementwise.js';

const only = (inputs: readonly GraphNode[]): GraphNode => inputs[0] as GraphNode;

export interface ConstantAttributes {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly value: number;
}

/** One number everywhere; lives in the kernels that use it. */
export const constant: Operation<ConstantAttributes> = {
  name: 'constant',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  gradient: 'nonDifferentiable',
  lowering: { kind: 'indexed', work: 0, emit: (_, __, { value, dtype }) => wgslLiteral(value, dtype) },
};

/** The index along `axis`, as i32. */
export const iota: Operation<{ readonly shape: Shape; readonly axis: number }> = {
  name: 'iota',
  infer: (_, { shape }) => ({ shape, dtype: 'i32' }),
  gradient: 'nonDifferentiable',
  lowering: {
    kind: 'indexed',
    work: 1,
    emit: (emitter, _, { axis }, index) => `i32(${emitter.dims(index)[axis]})`,
  },
};

export const reshapeOperation: Operation<{ readonly shape: Shape }> = {
  name: 'reshape',
  infer: (inputs, { shape }) => ({ shape, dtype: only(inputs).dtype }),
  gradient: (upstream, { inputs }) => [upstream.reshape((inputs[0] as Tensor).shape)],
  lowering: {
    kind: 'indexed',
    work: 0,
    emit: (emitter, node, _, index) =>
      emitter.value(only(node.inputs), emitter.reshapeIndex(index, only(node.inputs).shape)),
  },
};

/** Same elements in another shape; one size may be -1 and is then inferred. */
export function reshape(tensor: Tensor, shape: Shape): Tensor {
  const known = shape.filter((size) => size !== -1);
  checkShape('reshape', known);
  if (shape.length - known.length > 1) {
    throw new ShapeError(`reshape: only one size may be -1, got ${formatShape(shape)}.`);
  }
  const inferred = tensor.size / sizeOf(known);
  const resolved = shape.map((size) => (size === -1 ? inferred : size));
  if (!Number.isInteger(inferred) && known.length < shape.length) {
    throw new ShapeError(
      `reshape: cannot infer -1: ${tensor.size} elements of ${formatShape(tensor.shape)} do not divide into ${formatShape(shape)}.`,
    );
  }
  if (sizeOf(resolved) !== tensor.size) {
    throw new ShapeError(
      `reshape: ${formatShape(tensor.shape)} has ${tensor.size} elements, ${formatShape(shape)} would have ${sizeOf(resolved)}.`,
    );
  }
  return sameShape(resolved, tensor.shape) ? tensor : apply(reshapeOperation, [tensor], { shape: resolved });
}

export const permuteOperation: Operation<{ readonly order: readonly number[] }> = {
  name: 'permute',
  infer: (inputs, { order }) => ({
    shape: order.map((axis) => only(inputs).shape[axis] as number),
    dtype: only(inputs).dtype,
  }),
  gradient: (upstream, { attributes: { order } }) => [
    upstream.permute(order.map((_, axis) => order.indexOf(axis))),
  ],
  lowering: {
    kind: 'indexed',
    work: 0,
    emit: (emitter, node, { order }, index) => {
      const dims = emitter.dims(index);
      const source = order.map((_, axis) => dims[order.indexOf(axis)] as string);
      return emitter.value(only(node.inputs), emitter.indexOfDims(only(node.inputs).shape, source));
    },
  },
};

/** Axis `i` of the result is axis `order[i]` of `tensor`. */
export function permute(tensor: Tensor, order: readonly number[]): Tensor {
  const axes = order.map((axis) => normalizeAxis('permute', axis, tensor.rank));
  if (axes.length !== tensor.rank || new Set(axes).size !== axes.length) {
    throw new ShapeError(
      `permute: expected each of the ${tensor.rank} axes of ${formatShape(tensor.shape)} once, got [${order.join(', ')}].`,
    );
  }
  if (axes.every((axis, position) => axis === position)) return tensor;
  return apply(permuteOperation, [tensor], { order: axes });
}

const expandOperation: Operation<{ readonly shape: Shape }> = {
  name: 'expand',
  infer: (inputs, { shape }) => ({ shape, dtype: only(inputs).dtype }),
  gradient: (upstream, { inputs }) => {
    const { shape } = inputs[0] as Tensor;
    const expanded = shape.flatMap((size, axis) => (size !== upstream.shape[axis] ? [axis] : []));
    return [upstream.cast('f32').sum(expanded, { keepDims: true })];
  },
  lowering: {
    kind: 'indexed',
    work: 0,
    emit: (emitter, node, _, index) => {
      const { shape } = only(node.inputs);
      const dims = sizeOf(shape) === 1 ? shape : emitter.dims(index);
      const source = shape.map((size, axis) => (size === 1 ? '0u' : (dims[axis] as string)));
      return emitter.value(only(node.inputs), emitter.indexOfDims(shape, source));
    },
  },
};

/** Repeats axes of size 1, and adds axes in front, until the shape is `shape`. */
export function expand(tensor: Tensor, shape: Shape): Tensor {
  checkShape('expand', shape);
  const added = shape.length - tensor.rank;
  const fits = added >= 0 && tensor.shape.every((size, axis) => size === 1 || size === shape[axis + added]);
  if (!fits) {
    throw new ShapeError(
      `expand: ${formatShape(tensor.shape)} does not expand to ${formatShape(shape)}. Only sizes of 1 can grow.`,
    );
  }
  const aligned = reshape(tensor, [...new Array<number>(added).fill(1), ...tensor.shape]);
  return sameShape(aligned.shape, shape) ? aligned : apply(expandOperation, [aligned], { shape });
}

/** Element `i` of an axis lies at `start + i * step` of the larger tensor. A step may be negative. */
interface Stride {
  readonly start: number;
  readonly step: number;
}

interface SliceAttributes {
  readonly strides: readonly Stride[];
  readonly shape: Shape;
}

const isWhole = ({ start, step }: Stride): boolean => start === 0 && step === 1;

const sliceOperation: Operation<SliceAttributes> = {
  name: 'slice',
  infer: (inputs, { shape }) => ({ shape, dtype: only(inputs).dtype }),
  gradient: (upstream, { inputs, attributes: { strides } }) => [
    apply(placeOperation, [upstream], { strides, shape: (inputs[0] as Tensor).shape, fill: 0 }),
  ],
  lowering: {
    kind: 'indexed',
    work: 1,
    emit: (emitter, node, { strides }, index) => {
      const source = emitter.dims(index).map((dim, axis) => {
        const { start, step } = strides[axis] as Stride;
        if (step < 0) return `(${start}u - ${dim}${step === -1 ? '' : ` * ${-step}u`})`;
        return step === 1 ? emitter.offset(dim, start) : `(${dim} * ${step}u + ${start}u)`;
      });
      return emitter.value(only(node.inputs), emitter.indexOfDims(only(node.inputs).shape, source));
    },
  },
};

interface PlaceAttributes extends SliceAttributes {
  readonly fill: number;
}

/** The transpose of `slice`: puts the input's elements at strided places of a larger tensor full of `fill`. */
export const placeOperation: Operation<PlaceAttributes> = {
  name: 'place',
  infer: (inputs, { shape }) => ({ shape, dtype: only(inputs).dtype }),
  gradient: (upstream, { inputs, attributes: { strides } }) => [
    apply(sliceOperation, [upstream], { strides, shape: (inputs[0] as Tensor).shape }),
  ],
  lowering: {
    kind: 'indexed',
    work: 3,
    emit: (emitter, node, { strides, fill, shape }, index) => {
      const input = only(node.inputs);
      const conditions: string[] = [];
      const source = emitter.dims(index).map((dim, axis) => {
        const stride = strides[axis] as Stride;
        const size = input.shape[axis] as number;
        if (isWhole(stride) && size === shape[axis]) return dim;
        // Unsigned: a place before the start wraps to a huge number and fails the comparison.
        const distance = emitter.bind(
          'u32',
          stride.step < 0 ? `${stride.start}u - ${dim}` : `${dim} - ${stride.start}u`,
        );
        const step = Math.abs(stride.step);
        conditions.push(`${distance} < ${size * step}u`);
        if (step === 1) return distance;
        conditions.push(`${distance} % ${step}u == 0u`);
        return `(${distance} / ${step}u)`;
      });
      if (conditions.length === 0) return emitter.value(input, emitter.indexOfDims(input.shape, source));
      return emitter.branch(node.dtype, [
        {
          condition: conditions.join(' && '),
          body: () => emitter.value(input, emitter.indexOfDims(input.shape, source)),
        },
        { body: () => wgslLiteral(fill, node.dtype) },
      ]);
    },
  },
};

/**
 * Elements `start`, `start + step`, ... before `end` along `axis`. Negative `start` and `end` count from the
 * end and both are clipped to the axis, as in NumPy; `step` must be positive (see `flip`).
 */
export function slice(
  tensor: Tensor,
  axis: number,
  start: number,
  end = Number.MAX_SAFE_INTEGER,
  step = 1,
): Tensor {
  const along = normalizeAxis('slice', axis, tensor.rank);
  if (!Number.isInteger(step) || step < 1 || !Number.isInteger(start) || !Number.isInteger(end)) {
    throw new ShapeError(
      `slice: expected integers with step >= 1, got start ${start}, end ${end}, step ${step}. Use flip() to reverse.`,
    );
  }
  const length = tensor.shape[along] as number;
  const clip = (place: number): number => Math.min(Math.max(place < 0 ? place + length : place, 0), length);
  const from = clip(start);
  const count = Math.max(0, Math.ceil((clip(end) - from) / step));
  if (from === 0 && count === length && step === 1) return tensor;
  return stridedSlice(tensor, along, { start: from, step }, count);
}

/** Reverses the order along `axis`. */
export function flip(tensor: Tensor, axis: number): Tensor {
  const along = normalizeAxis('flip', axis, tensor.rank);
  const length = tensor.shape[along] as number;
  return length < 2 ? tensor : stridedSlice(tensor, along, { start: length - 1, step: -1 }, length);
}

function stridedSlice(tensor: Tensor, along: number, stride: Stride, count: number): Tensor {
  const strides = tensor.shape.map((_, axis) => (axis === along ? stride : { start: 0, step: 1 }));
  const shape = tensor.shape.map((size, axis) => (axis === along ? count : size));
  return apply(sliceOperation, [tensor], { strides, shape });
}

/** Adds `before` and `after` elements of `value` around `axis`. */
export function pad(tensor: Tensor, axis: number, before: number, after: number, value = 0): Tensor {
  const along = normalizeAxis('pad', axis, tensor.rank);
  if (!Number.isInteger(before) || !Number.isInteger(after) || before < 0 || after < 0) {
    throw new ShapeError(`pad: expected non-negative integers, got before ${before} and after ${after}.`);
  }
  checkNumber('pad', value, tensor.dtype);
  if (before === 0 && after === 0) return tensor;
  const strides = tensor.shape.map((_, at) => ({ start: at === along ? before : 0, step: 1 }));
  const shape = tensor.shape.map((size, at) => (at === along ? size + before + after : size));
  checkElements('pad', shape);
  return apply(placeOperation, [tensor], { strides, shape, fill: value });
}

const concatOperation: Operation<{ readonly axis: number }> = {
  name: 'concat',
  infer: (inputs, { axis }) => {
    const total = inputs.reduce((sum, input) => sum + (input.shape[axis] as number), 0);
    return {
      shape: only(inputs).shape.map((size, at) => (at === axis ? total : size)),
      dtype: only(inputs).dtype,
    };
  },
  gradient: (upstream, { inputs, attributes: { axis } }) => {
    let start = 0;
    return inputs.map((input) => {
      const end = start + (input.shape[axis] as number);
      const part = upstream.slice(axis, start, end);
      start = end;
      return part;
    });
  },
  lowering: {
    kind: 'indexed',
    work: 3,
    emit: (emitter, node, { axis }, index) => {
      const dims = emitter.dims(index);
      const place = dims[axis] as string;
      let start = 0;
      const cases = node.inputs.map((input, position) => {
        const offset = start;
        start += input.shape[axis] as number;
        const source = dims.map((dim, at) => (at === axis && offset > 0 ? `(${dim} - ${offset}u)` : dim));
        const body = () => emitter.value(input, emitter.indexOfDims(input.shape, source));
        return position === node.inputs.length - 1 ? { body } : { condition: `${place} < ${start}u`, body };
      });
      return emitter.branch(node.dtype, cases);
    },
  },
};

/** The most tensors that one kernel joins: every adapter binds that many buffers, and one for the result. */
const JOINED_AT_ONCE = 7;

/** Joins tensors along `axis`; all other sizes and the dtypes must agree. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (first === undefined) throw new ShapeError('concat: expected at least one tensor, got none.');
  const along = normalizeAxis('concat', axis, first.rank);
  for (const tensor of tensors) {
    if (tensor.dtype !== first.dtype) {
      throw new DTypeError(`concat: dtypes ${first.dtype} and ${tensor.dtype} differ. Use cast().`);
    }
    const agrees =
      tensor.rank === first.rank &&
      tensor.shape.every((size, at) => at === along || size === first.shape[at]);
    if (!agrees) {
      throw new ShapeError(
        `concat: ${formatShape(tensor.shape)} does not fit ${formatShape(first.shape)}: all axes but ${along} must agree.`,
      );
    }
  }
  let joined = tensors;
  while (joined.length > 1) {
    const groups = Array.from({ length: Math.ceil(joined.length / JOINED_AT_ONCE) }, (_, at) =>
      joined.slice(at * JOINED_AT_ONCE, (at + 1) * JOINED_AT_ONCE),
    );
    joined = groups.map((group) =>
      group.length === 1 ? (group[0] as Tensor) : apply(concatOperation, group, { axis: along }),
    );
  }
  return joined[0] as Tensor;
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const rank = (tensors[0]?.rank ?? 0) + 1;
  const along = normalizeAxis('stack', axis, rank);
  return concat(
    tensors.map((tensor) => tensor.unsqueeze(along)),
    along,
  );
}

/** Keeps the elements of the last two axes on one side of a diagonal; 0 elsewhere. */
export function triangle(name: 'tril' | 'triu', tensor: Tensor, diagonal: number): Tensor {
  if (tensor.rank < 2)
    throw new ShapeError(`${name}: expected at least two axes, got ${formatShape(tensor.shape)}.`);
  const [rows, columns] = [tensor.rank - 2, tensor.rank - 1].map((axis) =>
    tensor.device.indices(tensor.shape, axis),
  );
  const distance = (columns as Tensor).sub(rows as Tensor);
  const kept = name === 'tril' ? distance.le(diagonal) : distance.ge(diagonal);
  return where(kept, tensor, tensor.device.full([], 0, tensor.dtype));
}
