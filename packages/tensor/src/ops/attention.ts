import { customGradient } from '../autograd.js';
import { DTypeError, ForetokenError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import {
  type AttentionAttributes,
  attentionForward,
  attentionKeyGradient,
  attentionQueryGradient,
  attentionSizes,
} from '../kernels/attention.js';
import { apply, type Operation } from '../operation.js';
import { broadcastShapes, formatShape, type Shape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { concat } from './movement.js';

const VECTOR_OUTPUT = (): string => 'vec4<f32>';

function noSecondDerivative(): never {
  throw new ForetokenError(
    'attention: second derivatives are not supported. Compose attention of matmul and softmax for them.',
  );
}

/** An attention kernel whose output rows are vectors of four; `shape` gives their number. */
function attentionKernel(
  name: string,
  build: typeof attentionForward,
  mask: number,
  shape: (query: Shape, key: Shape) => Shape,
): Operation<AttentionAttributes> {
  return {
    name,
    infer: (inputs) => ({
      shape: shape((inputs[0] as GraphNode).shape, (inputs[1] as GraphNode).shape),
      dtype: 'f32',
    }),
    gradient: noSecondDerivative,
    lowering: { kind: 'kernel', build, inlined: [mask], outputType: VECTOR_OUTPUT },
  };
}

const vectorsOf = (shape: Shape): number => Math.ceil((shape[3] as number) / 4);

const forward = attentionKernel('attention', attentionForward, 3, (query) => [
  ...query.slice(0, 3),
  4 * vectorsOf(query) + 4,
]);
const queryGradient = attentionKernel('attentionQueryGradient', attentionQueryGradient, 5, (query) => [
  ...query.slice(0, 3),
  4 * vectorsOf(query),
]);
const keyGradient = attentionKernel('attentionKeyGradient', attentionKeyGradient, 5, (query, key) => [
  ...key.slice(0, 3),
  8 * vectorsOf(query),
]);

export interface AttentionOptions {
  /**
   * bool, broadcasts to `[batch, queryHeads, queries, keys]`: which keys a query sees. Built of ordinary operations
   * on token metadata, it is computed inside the kernels and never stored. Everything is visible when absent.
   */
  readonly mask?: Tensor;
  /** Factor of the scores. Default `1 / sqrt(width)`. */
  readonly scale?: number;
}

function check(query: Tensor, key: Tensor, value: Tensor): void {
  for (const [name, tensor] of Object.entries({ query, key, value })) {
    if (tensor.rank !== 4) {
      throw new ShapeError(
        `attention: expected ${name} [batch, heads, time, width], got ${formatShape(tensor.shape)}.`,
      );
    }
    if (tensor.dtype !== 'f32')
      throw new DTypeError(`attention: expected f32, got ${tensor.dtype} for ${name}.`);
  }
  const { queryHeads, keyHeads } = attentionSizes(query.shape, key.shape);
  if (
    !sameShape(key.shape, value.shape) ||
    query.shape[0] !== key.shape[0] ||
    query.shape[3] !== key.shape[3]
  ) {
    throw new ShapeError(
      `attention: query ${formatShape(query.shape)}, key ${formatShape(key.shape)} and value ${formatShape(value.shape)} do not fit: batch and width must agree, key and value must have one shape.`,
    );
  }
  if (keyHeads === 0 || queryHeads % keyHeads !== 0) {
    throw new ShapeError(
      `attention: ${queryHeads} query heads cannot share ${keyHeads} key heads: the number must divide.`,
    );
  }
}

/**
 * `softmax(scale * query key' where visible) value`, without storing the scores. Consecutive query heads share a
 * key head (grouped-query attention, arXiv 2305.13245). A query that sees nothing gives zeros.
 *
 * @param query - f32 `[batch, queryHeads, queries, width]`
 * @param key - f32 `[batch, keyHeads, keys, width]`
 * @param value - like `key`
 * @returns f32 `[batch, queryHeads, queries, width]`
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  check(query, key, value);
  const { batch, queryHeads, queries, keys, width } = attentionSizes(query.shape, key.shape);
  const { mask, scale = 1 / Math.sqrt(width) } = options;
  const masks: Tensor[] = [];
  if (mask !== undefined) {
    if (mask.dtype !== 'bool') throw new DTypeError(`attention: expected a bool mask, got ${mask.dtype}.`);
    const scores = [batch, queryHeads, queries, keys];
    if (!sameShape(broadcastShapes('attention mask', mask.shape, scores), scores)) {
      throw new ShapeError(
        `attention: the mask ${formatShape(mask.shape)} does not broadcast to ${formatShape(scores)}.`,
      );
    }
    masks.push(mask.expand(scores));
  }
  const packed = apply(forward, [query, key, value, ...masks], { scale, mask: mask && 3 });
  const result = packed.slice(3, 0, width);
  return customGradient(result, [query, key, value], (upstream) => {
    const logTotal = packed.slice(3, (packed.shape[3] as number) - 1);
    const delta = upstream.mul(result).sum(3, { keepDims: true });
    const inputs = [query, key, value, upstream, concat([logTotal, delta], 3), ...masks];
    const attributes = { scale, mask: mask && 5 };
    const towardsQuery = apply(queryGradient, inputs, attributes).slice(3, 0, width);
    const both = apply(keyGradient, inputs, attributes);
    const half = (both.shape[3] as number) / 2;
    return [towardsQuery, both.slice(3, 0, width), both.slice(3, half, half + width)];
  });
}
