import { backward } from './autograd.js';
import type { Device } from './device.js';
import { checkNumber, type DType, type HostArray } from './dtype.js';
import { DTypeError, ShapeError } from './errors.js';
import type { GraphNode } from './graph.js';
import { apply, type Operation } from './operation.js';
import { binaryOperations, castTo, clamp, unaryOperations } from './ops/elementwise.js';
import { gather, oneHot, scatterAdd } from './ops/gather.js';
import { type MatmulOptions, matmul } from './ops/matmul.js';
import { expand, flip, pad, permute, reshape, slice, triangle } from './ops/movement.js';
import { layerNorm, logSoftmax, rmsNorm, softmax } from './ops/normalize.js';
import { dropout } from './ops/random.js';
import {
  type Axes,
  argReduce,
  cumsum,
  logical,
  logSumExp,
  mean,
  type ReduceOptions,
  reduce,
  type VarianceOptions,
  variance,
} from './ops/reduce.js';
import { broadcastShapes, formatShape, normalizeAxis, type Shape } from './shape.js';

/** Numbers or booleans, nested as deep as the tensor has axes. */
export type NestedArray = number | boolean | readonly NestedArray[];

type BinaryName = keyof typeof binaryOperations;

/**
 * An immutable array of numbers that may not have been computed yet. Methods only build the graph; values
 * appear on `data()`, `item()`, `realize()`, or when a compiled step runs. Binary methods broadcast as NumPy does.
 */
export class Tensor {
  readonly #node: GraphNode | undefined;

  constructor(node?: GraphNode) {
    this.#node = node;
  }

  /** The graph node that stands for the present value. */
  get node(): GraphNode {
    return this.#node as GraphNode;
  }
  get device(): Device {
    return this.node.device;
  }
  get shape(): Shape {
    return this.node.shape;
  }
  get dtype(): DType {
    return this.node.dtype;
  }
  /** Number of elements. */
  get size(): number {
    return this.node.size;
  }
  /** Number of axes. */
  get rank(): number {
    return this.node.shape.length;
  }

  // ---- Values -------------------------------------------------------------------------------------------

  /** Computes the tensor, if need be, and reads it back. */
  data(): Promise<HostArray> {
    return this.device.read(this);
  }

  /** The only element. @throws ShapeError when there are more, or none */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: expected one element, got ${formatShape(this.shape)}. Use data().`);
    }
    return (await this.data())[0] as number;
  }

  /** Nested arrays of numbers (booleans for bool). */
  async toArray(): Promise<NestedArray> {
    const values = await this.data();
    const nest = (axis: number, start: number, stride: number): NestedArray => {
      const size = this.shape[axis];
      if (size === undefined) {
        const value = values[start] as number;
        return this.dtype === 'bool' ? value !== 0 : value;
      }
      const inner = size === 0 ? 0 : stride / size;
      return Array.from({ length: size }, (_, place) => nest(axis + 1, start + place * inner, inner));
    };
    return nest(0, 0, this.size);
  }

  /** Submits the computation now and keeps the result in GPU memory until it is disposed or collected. */
  realize(): this {
    this.device.realize(this);
    return this;
  }

  /** The same values, through which no gradient flows. */
  detach(): Tensor {
    return apply(detachOperation, [this], undefined);
  }

  /** Frees the GPU memory that `realize()` took; using the tensor afterwards throws DisposedError. */
  dispose(): void {
    this.device.disposeNode(this.node);
  }

  /** Adds the gradient of this scalar to `grad` of every trainable variable that it depends on. */
  backward(): void {
    backward(this);
  }

  // ---- Elementwise --------------------------------------------------------------------------------------

  /** Brings operands to one shape. Numbers take the dtype of the first tensor. */
  static broadcast(op: string, operands: readonly Tensor[]): Tensor[] {
    const shape = operands.reduce<Shape>((common, operand) => broadcastShapes(op, common, operand.shape), []);
    return operands.map((operand) => expand(operand, shape));
  }

  #binary(name: BinaryName, other: Tensor | number | boolean): Tensor {
    if (!(other instanceof Tensor)) checkNumber(name, Number(other), this.dtype);
    const right = other instanceof Tensor ? other : this.device.full([], Number(other), this.dtype);
    if (right.dtype !== this.dtype) {
      throw new DTypeError(
        `${name}: dtypes ${this.dtype} and ${right.dtype} differ. Use cast() on one of them.`,
      );
    }
    this.device.checkOwn(name, right);
    return apply(binaryOperations[name], Tensor.broadcast(name, [this, right]), undefined);
  }
  #unary(operation: Operation<undefined>): Tensor {
    return apply(operation, [this], undefined);
  }

  add(other: Tensor | number): Tensor {
    return this.#binary('add', other);
  }
  sub(other: Tensor | number): Tensor {
    return this.#binary('sub', other);
  }
  mul(other: Tensor | number): Tensor {
    return this.#binary('mul', other);
  }
  /** Division; integers truncate towards zero. */
  div(other: Tensor | number): Tensor {
    return this.#binary('div', other);
  }
  /** `this` to the power of `other`; a negative base needs an integer exponent, else NaN. */
  pow(other: Tensor | number): Tensor {
    return this.#binary('pow', other);
  }
  maximum(other: Tensor | number): Tensor {
    return this.#binary('maximum', other);
  }
  minimum(other: Tensor | number): Tensor {
    return this.#binary('minimum', other);
  }
  eq(other: Tensor | number | boolean): Tensor {
    return this.#binary('eq', other);
  }
  ne(other: Tensor | number | boolean): Tensor {
    return this.#binary('ne', other);
  }
  lt(other: Tensor | number): Tensor {
    return this.#binary('lt', other);
  }
  le(other: Tensor | number): Tensor {
    return this.#binary('le', other);
  }
  gt(other: Tensor | number): Tensor {
    return this.#binary('gt', other);
  }
  ge(other: Tensor | number): Tensor {
    return this.#binary('ge', other);
  }
  and(other: Tensor | boolean): Tensor {
    return this.#binary('and', other);
  }
  or(other: Tensor | boolean): Tensor {
    return this.#binary('or', other);
  }
  /** Whether each element is neither infinite nor NaN; bool. */
  isFinite(): Tensor {
    return this.#unary(unaryOperations.isFinite);
  }
  not(): Tensor {
    return this.#unary(unaryOperations.not);
  }
  neg(): Tensor {
    return this.#unary(unaryOperations.neg);
  }
  abs(): Tensor {
    return this.#unary(unaryOperations.abs);
  }
  sign(): Tensor {
    return this.#unary(unaryOperations.sign);
  }
  floor(): Tensor {
    return this.#unary(unaryOperations.floor);
  }
  exp(): Tensor {
    return this.#unary(unaryOperations.exp);
  }
  /** Natural logarithm. */
  log(): Tensor {
    return this.#unary(unaryOperations.log);
  }
  sqrt(): Tensor {
    return this.#unary(unaryOperations.sqrt);
  }
  /** `1 / sqrt(x)`. */
  rsqrt(): Tensor {
    return this.#unary(unaryOperations.rsqrt);
  }
  square(): Tensor {
    return this.#unary(unaryOperations.square);
  }
  reciprocal(): Tensor {
    return this.#unary(unaryOperations.reciprocal);
  }
  tanh(): Tensor {
    return this.#unary(unaryOperations.tanh);
  }
  erf(): Tensor {
    return this.#unary(unaryOperations.erf);
  }
  sigmoid(): Tensor {
    return this.#unary(unaryOperations.sigmoid);
  }
  sin(): Tensor {
    return this.#unary(unaryOperations.sin);
  }
  cos(): Tensor {
    return this.#unary(unaryOperations.cos);
  }
  relu(): Tensor {
    return this.#unary(unaryOperations.relu);
  }
  /** `x * sigmoid(x)`. */
  silu(): Tensor {
    return this.#unary(unaryOperations.silu);
  }
  /** Gaussian error linear unit (arXiv 1606.08415): exact by default, or with the tanh approximation of GPT-2. */
  gelu(form: 'erf' | 'tanh' = 'erf'): Tensor {
    return this.#unary(form === 'erf' ? unaryOperations.geluErf : unaryOperations.geluTanh);
  }
  /** Limits every element to `low..high`. */
  clamp(low: number, high: number): Tensor {
    return clamp(this, low, high);
  }
  /**
   * Converts to `dtype`; floats are truncated towards zero on their way to integers, and rounded to nearest on their way
   * to f16, beyond 65504 to infinity. Only casts, movement and products take f16: cast to f32 to compute.
   *
   * @throws DTypeError for f16 on an adapter without `shader-f16`
   */
  cast(dtype: DType): Tensor {
    return castTo(this, dtype);
  }

  // ---- Reductions: over all axes when none are named ----------------------------------------------------

  sum(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce('sum', this, 'sum', axes, options);
  }
  mean(axes?: Axes, options?: ReduceOptions): Tensor {
    return mean(this, axes, options);
  }
  /** Greatest element; equal extremes share the gradient. */
  max(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce('max', this, 'max', axes, options);
  }
  min(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce('min', this, 'min', axes, options);
  }
  /** Unbiased unless `correction` is 0. */
  variance(axes?: Axes, options?: VarianceOptions): Tensor {
    return variance(this, axes, options);
  }
  /** `log(sum(exp(x)))` without overflow. */
  logSumExp(axes?: Axes, options?: ReduceOptions): Tensor {
    return logSumExp(this, axes, options);
  }
  any(axes?: Axes, options?: ReduceOptions): Tensor {
    return logical('any', this, axes, options);
  }
  all(axes?: Axes, options?: ReduceOptions): Tensor {
    return logical('all', this, axes, options);
  }
  /** Place of the greatest element along `axis`, the first among equals; i32. */
  argmax(axis = -1): Tensor {
    return argReduce('argmax', this, axis);
  }
  argmin(axis = -1): Tensor {
    return argReduce('argmin', this, axis);
  }
  /** Running sum along `axis`. */
  cumsum(axis: number): Tensor {
    return cumsum(this, axis);
  }

  // ---- Movement -----------------------------------------------------------------------------------------

  /** Same elements in another shape; one size may be -1. */
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  }
  flatten(): Tensor {
    return reshape(this, [this.size]);
  }
  /** Axis `i` of the result is axis `order[i]` of this. */
  permute(order: readonly number[]): Tensor {
    return permute(this, order);
  }
  transpose(a: number, b: number): Tensor {
    const order = Array.from({ length: this.rank }, (_, axis) => axis);
    const [first, second] = [
      normalizeAxis('transpose', a, this.rank),
      normalizeAxis('transpose', b, this.rank),
    ];
    [order[first], order[second]] = [second, first];
    return permute(this, order);
  }
  /** Repeats axes of size 1, and adds axes in front. */
  expand(shape: Shape): Tensor {
    return expand(this, shape);
  }
  /** Drops an axis of size 1. */
  squeeze(axis: number): Tensor {
    const along = normalizeAxis('squeeze', axis, this.rank);
    if (this.shape[along] !== 1) {
      throw new ShapeError(
        `squeeze: axis ${axis} of ${formatShape(this.shape)} has size ${this.shape[along]}, not 1.`,
      );
    }
    return reshape(this, this.shape.toSpliced(along, 1));
  }
  /** Inserts an axis of size 1. */
  unsqueeze(axis: number): Tensor {
    return reshape(this, this.shape.toSpliced(normalizeAxis('unsqueeze', axis, this.rank + 1), 0, 1));
  }
  /** Elements `start`, `start + step`, ... before `end`; negative places count from the end. */
  slice(axis: number, start: number, end?: number, step?: number): Tensor {
    return slice(this, axis, start, end, step);
  }
  pad(axis: number, before: number, after: number, value = 0): Tensor {
    return pad(this, axis, before, after, value);
  }
  flip(axis: number): Tensor {
    return flip(this, axis);
  }
  /** Lower triangle of the last two axes, up to `diagonal` above the main one; 0 elsewhere. */
  tril(diagonal = 0): Tensor {
    return triangle('tril', this, diagonal);
  }
  /** Upper triangle of the last two axes, from `diagonal` above the main one; 0 elsewhere. */
  triu(diagonal = 0): Tensor {
    return triangle('triu', this, diagonal);
  }
  /**
   * `out[..., i, ...] = this[..., index[..., i, ...], ...]` along `axis`, as torch.gather.
   *
   * @throws IndexError for an index out of range that the host knows; computed on the GPU it gives 0
   */
  gather(axis: number, index: Tensor): Tensor {
    return gather(this, axis, index);
  }
  /**
   * A copy with `source[..., i, ...]` added at `index[..., i, ...]` along `axis`, as torch.scatter_add.
   *
   * @throws IndexError for an index out of range that the host knows; computed on the GPU it adds nothing
   */
  scatterAdd(axis: number, index: Tensor, source: Tensor): Tensor {
    return scatterAdd(this, axis, index, source);
  }
  /**
   * Integers to rows of f32 with a 1 at their place; -1 gives a row of zeros.
   *
   * @throws IndexError for others out of range that the host knows; computed on the GPU they give zeros
   */
  oneHot(classes: number): Tensor {
    return oneHot(this, classes);
  }

  // ---- Linear algebra and neural-network operations -----------------------------------------------------

  /** Product over the last two axes; the axes before them broadcast. A vector counts as one row or column. */
  matmul(other: Tensor, options?: MatmulOptions): Tensor {
    return matmul(this, other, options);
  }
  softmax(axis = -1): Tensor {
    return softmax(this, axis);
  }
  logSoftmax(axis = -1): Tensor {
    return logSoftmax(this, axis);
  }
  /** Layer normalization (arXiv 1607.06450) over the last axis. */
  layerNorm(weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
    return layerNorm(this, weight, bias, eps);
  }
  /** Root-mean-square normalization (arXiv 1910.07467) over the last axis. */
  rmsNorm(weight?: Tensor, eps = 1e-5): Tensor {
    return rmsNorm(this, weight, eps);
  }
  /** Zeroes elements with `probability` and scales the others to keep the mean. @param key - u32 `[2]` */
  dropout(probability: number, key: Tensor): Tensor {
    return dropout(this, probability, key);
  }
}

/** The identity with no gradient. */
const detachOperation: Operation<undefined> = {
  name: 'detach',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: (inputs[0] as GraphNode).dtype }),
  gradient: 'nonDifferentiable',
  lowering: { kind: 'alias' },
};
