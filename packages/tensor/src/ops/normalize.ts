import { customGradient } from '../autograd.js';
import { LOWEST_F32 } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';

function checkFloat(op: string, tensor: Tensor): void {
  if (tensor.dtype !== 'f32')
    throw new DTypeError(`${op}: expected f32, got ${tensor.dtype}. Use cast('f32').`);
}

/** The input minus its maximum along `axis`, in which exp cannot overflow. */
function shifted(tensor: Tensor, axis: number): Tensor {
  return tensor.sub(tensor.max(axis, { keepDims: true }).clamp(LOWEST_F32, -LOWEST_F32));
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

/** Scale and shift, which are differentiated by parts. */
function affine(normalized: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const scaled = weight === undefined ? normalized : normalized.mul(weight);
  return bias === undefined ? scaled : scaled.add(bias);
}

/** `(x - mean) / sqrt(variance + eps)` over the last axis, scaled and shifted (arXiv 1607.06450). */
export function layerNorm(
  tensor: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  eps: number,
): Tensor {
  checkFloat('layerNorm', tensor);
  if (tensor.rank === 0) throw new ShapeError('layerNorm: expected at least one axis, got a scalar.');
  checkScale('layerNorm', 'weight', tensor, weight);
  checkScale('layerNorm', 'bias', tensor, bias);
  const centred = tensor.sub(tensor.mean(-1, { keepDims: true }));
  const inverse = inverseOf(tensor, eps, true);
  const normalized = customGradient(centred.mul(inverse), [tensor], (upstream, { output }) => {
    const along = upstream.mul(output).mean(-1, { keepDims: true });
    return [
      upstream
        .sub(upstream.mean(-1, { keepDims: true }))
        .sub(output.mul(along))
        .mul(inverse),
    ];
  });
  return affine(normalized, weight, bias);
}

/** `x / sqrt(mean(x^2) + eps)` over the last axis, scaled (arXiv 1910.07467). */
export function rmsNorm(tensor: Tensor, weight: Tensor | undefined, eps: number): Tensor {
  checkFloat('rmsNorm', tensor);
  if (tensor.rank === 0) throw new ShapeError('rmsNorm: expected at least one axis, got a scalar.');
  checkScale('rmsNorm', 'weight', tensor, weight);
  const inverse = inverseOf(tensor, eps, false);
  const normalized = customGradient(tensor.mul(inverse), [tensor], (upstream, { output }) => {
    const along = upstream.mul(output).mean(-1, { keepDims: true });
    return [upstream.sub(output.mul(along)).mul(inverse)];
  });
  return affine(normalized, weight, undefined);
}

/** The factor of a norm: one over the root of the mean square, about the mean or about 0. */
function inverseOf(tensor: Tensor, eps: number, centre: boolean): Tensor {
  const around = centre ? tensor.sub(tensor.mean(-1, { keepDims: true })) : tensor;
  return around.square().mean(-1, { keepDims: true }).add(eps).rsqrt();
}
