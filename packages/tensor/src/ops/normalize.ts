import { customGradient, grad } from '../autograd.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import {
  fitsOneWorkgroup,
  type NormAttributes,
  normBackward,
  normForward,
  normType,
} from '../kernels/normalize.js';
import { apply, type Operation } from '../operation.js';
import { formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { partOf } from './part.js';

function checkFloat(op: string, tensor: Tensor): void {
  if (tensor.dtype !== 'f32')
    throw new DTypeError(`${op}: expected f32, got ${tensor.dtype}. Use cast('f32').`);
}

/** The input minus its maximum along `axis`, in which exp cannot overflow; where that is infinite, it leaves NaN. */
function shifted(tensor: Tensor, axis: number): Tensor {
  return tensor.sub(tensor.max(axis, { keepDims: true }));
}

/** `exp(x) / sum(exp(x))` along `axis`. */
export function softmax(tensor: Tensor, axis: number): Tensor {
  checkFloat('softmax', tensor);
  const along = normalizeAxis('softmax', axis, tensor.rank);
  if (tensor.size === 0) return tensor;
  const powers = shifted(tensor, along).exp();
  const value = powers.div(powers.sum(along, { keepDims: true }));
  return customGradient(value, [tensor], (upstream, { output }) => {
    const inner = upstream.mul(output).sum(along, { keepDims: true });
    return [upstream.sub(inner).mul(output)];
  });
}

/** `log(softmax(x))` along `axis`, accurate also where the softmax is tiny. */
export function logSoftmax(tensor: Tensor, axis: number): Tensor {
  checkFloat('logSoftmax', tensor);
  const along = normalizeAxis('logSoftmax', axis, tensor.rank);
  if (tensor.size === 0) return tensor;
  const centred = shifted(tensor, along);
  const value = centred.sub(centred.exp().sum(along, { keepDims: true }).log());
  return customGradient(value, [tensor], (upstream, { output }) => [
    upstream.sub(output.exp().mul(upstream.sum(along, { keepDims: true }))),
  ]);
}

function checkScale(op: string, name: string, tensor: Tensor, scale: Tensor | undefined): void {
  const width = tensor.shape.at(-1);
  if (scale !== undefined && (scale.rank !== 1 || scale.size !== width)) {
    throw new ShapeError(`${op}: expected ${name} of shape [${width}], got ${formatShape(scale.shape)}.`);
  }
}

/** How a row is normalized, without scale and shift: the mean of the row and its factor, each `[..., 1]`. */
function statisticsOf(
  tensor: Tensor,
  { eps, centre }: NormAttributes,
): { mean: Tensor | undefined; factor: Tensor } {
  const mean = centre ? tensor.mean(-1, { keepDims: true }) : undefined;
  const around = mean === undefined ? tensor : tensor.sub(mean);
  return { mean, factor: around.square().mean(-1, { keepDims: true }).add(eps).rsqrt() };
}

/** The gradient towards the rows, of those towards the normalized rows. */
function rowGradient(
  towards: Tensor,
  normalized: Tensor,
  factor: Tensor,
  { centre }: NormAttributes,
): Tensor {
  const along = towards.mul(normalized).mean(-1, { keepDims: true });
  const even = centre ? towards.sub(towards.mean(-1, { keepDims: true })) : towards;
  return even.sub(normalized.mul(along)).mul(factor);
}

/** Norms of rows too long for one workgroup, and the formula behind the kernels. */
function composedNorm(
  tensor: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  attributes: NormAttributes,
): Tensor {
  const { mean, factor } = statisticsOf(tensor, attributes);
  const centred = mean === undefined ? tensor : tensor.sub(mean);
  const normalized = customGradient(centred.mul(factor), [tensor], (upstream, { output }) => [
    rowGradient(upstream, output, factor, attributes),
  ]);
  const scaled = weight === undefined ? normalized : normalized.mul(weight);
  return bias === undefined ? scaled : scaled.add(bias);
}

/** Axes that a parameter is shared along. */
const leading = (tensor: Tensor): number[] => Array.from({ length: tensor.rank - 1 }, (_, axis) => axis);

const normOperation: Operation<NormAttributes> = {
  name: 'norm',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: 'f32' }),
  gradient: (upstream, { inputs, output, attributes }) => {
    const [rows, ...parameters] = inputs as [Tensor, ...Tensor[]];
    const weight = attributes.weight ? parameters[0] : undefined;
    const [mean, factor] = [1, 2].map((part) => partOf(output, part, [...rows.shape.slice(0, -1), 1])) as [
      Tensor,
      Tensor,
    ];
    const towardsRows = apply(
      normGradientOperation,
      [rows, upstream, mean, factor, ...(weight === undefined ? [] : [weight])],
      attributes,
    );
    const plain = { ...attributes, weight: false, bias: false };
    // By the statistics, which have no gradient of their own.
    const normalized = customGradient(rows.sub(mean).mul(factor), [rows], (towards) => [
      apply(normGradientOperation, [rows, towards, mean, factor], plain),
    ]);
    return [
      towardsRows,
      ...(attributes.weight ? [upstream.mul(normalized).sum(leading(rows))] : []),
      ...(attributes.bias ? [upstream.sum(leading(rows))] : []),
    ];
  },
  lowering: {
    kind: 'kernel',
    build: normForward,
    epilogue: 'rounding',
    outputType: ({ shape }) => normType(shape.at(-1) as number),
  },
};

const normGradientOperation: Operation<NormAttributes> = {
  name: 'normGradient',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: 'f32' }),
  // Differentiated as the formula that the kernel computes.
  gradient: (upstream, { inputs, attributes }) => {
    // Nodes of their own, so that what the inputs depend on takes no part.
    const [rows, towards, , , weight] = inputs.map((input) =>
      customGradient(input, [input], (through) => [through]),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor | undefined];
    const { mean, factor } = statisticsOf(rows, attributes);
    const normalized = (mean === undefined ? rows : rows.sub(mean)).mul(factor);
    const weighted = weight === undefined ? towards : towards.mul(weight);
    const again = rowGradient(weighted, normalized, factor, attributes);
    const wanted = [rows, towards, ...(weight === undefined ? [] : [weight])];
    const [ofRows, ofTowards, ...ofWeight] = grad(again.mul(upstream).sum(), wanted);
    return [ofRows, ofTowards, undefined, undefined, ...ofWeight];
  },
  lowering: {
    kind: 'kernel',
    build: normBackward,
    epilogue: true,
    outputType: ({ shape }) => normType(shape.at(-1) as number),
  },
};

function norm(
  op: string,
  tensor: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  { eps, centre }: Pick<NormAttributes, 'eps' | 'centre'>,
): Tensor {
  checkFloat(op, tensor);
  if (tensor.rank === 0) throw new ShapeError(`${op}: expected at least one axis, got a scalar.`);
  checkScale(op, 'weight', tensor, weight);
  checkScale(op, 'bias', tensor, bias);
  const attributes = { eps, centre, weight: weight !== undefined, bias: bias !== undefined };
  if (!fitsOneWorkgroup(tensor.device.runtime.target, tensor.shape.at(-1) as number))
    return composedNorm(tensor, weight, bias, attributes);
  const parameters = [weight, bias].filter((parameter) => parameter !== undefined);
  return apply(normOperation, [tensor, ...parameters], attributes);
}

/** `(x - mean) / sqrt(variance + eps)` over the last axis, scaled and shifted (arXiv 1607.06450). */
export function layerNorm(
  tensor: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
): Tensor {
  return norm('layerNorm', tensor, weight, bias, { eps, centre: true });
}

/** `x / sqrt(mean(x^2) + eps)` over the last axis, scaled (arXiv 1910.07467). */
export function rmsNorm(tensor: Tensor, weight: Tensor | undefined, eps: number): Tensor {
  return norm('rmsNorm', tensor, weight, undefined, { eps, centre: false });
}
