import { customGradient } from '../autograd.js';
import { type DType, isFloat, storedType } from '../dtype.js';
import { DTypeError, ForetokenError, ShapeError } from '../errors.js';
import { attentionAcrossKeys, sharesKeys } from '../kernels/attention/across-keys.js';
import { attentionBackward } from '../kernels/attention/backward.js';
import { attentionBlocks, blockAttributes } from '../kernels/attention/blocks.js';
import { attentionForward } from '../kernels/attention/forward.js';
import {
  type AttentionGradientProblem,
  type AttentionProblem,
  headsFirst,
  headsInRows,
  rowLanes,
} from '../kernels/attention/problem.js';
import { apply, type Operation } from '../operation.js';
import { broadcastShapes, formatShape, type Shape, sameShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { partOf } from './part.js';

function noSecondDerivative(): never {
  throw new ForetokenError(
    'attention: second derivatives are not supported. Compose attention of matmul and softmax for them.',
  );
}

const outputType = ({ attributes, dtype }: { attributes: unknown; dtype: DType }): string =>
  storedType(dtype, rowLanes((attributes as AttentionProblem).width));

/** f16 where all inputs are: in memory, f16 in and f16 out. */
const resultDType = (inputs: readonly { readonly dtype: DType }[]): DType =>
  inputs.slice(0, 3).every(({ dtype }) => dtype === 'f16') ? 'f16' : 'f32';

const forward: Operation<AttentionProblem> = {
  name: 'attention',
  infer: (inputs, { batch, queries, queryHeads, width }) => ({
    shape: [batch, queries, queryHeads, width],
    dtype: resultDType(inputs),
  }),
  gradient: noSecondDerivative,
  lowering: { kind: 'kernel', build: attentionForward, inlined: [4], outputType },
};

const forwardAcrossKeys: Operation<AttentionProblem> = {
  ...forward,
  name: 'attentionAcrossKeys',
  lowering: { kind: 'kernel', build: attentionAcrossKeys, inlined: [3], outputType },
};

const backward: Operation<AttentionGradientProblem> = {
  name: 'attentionGradient',
  infer: (inputs, { shape }) => ({ shape, dtype: resultDType(inputs) }),
  gradient: noSecondDerivative,
  lowering: { kind: 'kernel', build: attentionBackward, inlined: [7], outputType },
};

export interface AttentionOptions {
  /**
   * What the invocations of a workgroup share out: `queries`, which is the default, or `keys`, of use where few queries see
   * many keys, as in decoding. Software adapters heed it for heads up to 16 wide. A row comes to the same bits whatever
   * queries are beside it, but not to the same both ways.
   */
  readonly sharedOut?: 'queries' | 'keys' | undefined;
  /**
   * bool, broadcasts to `[batch, queryHeads, queries, keys]`: which keys a query sees. Built of ordinary operations
   * on token metadata, it is computed inside the kernels and never stored; squares of pairs that it rules out as a
   * whole are skipped. Everything is visible when absent.
   */
  readonly mask?: Tensor | undefined;
  /**
   * Whether those squares are looked for and skipped. Default true. Without it all pairs are computed, as kernels do that
   * take a mask as a tensor: of use where it is known that no square is ruled out, and to compare.
   */
  readonly skipBlocks?: boolean | undefined;
  /** Factor of the scores. Default `1 / sqrt(width)`. */
  readonly scale?: number | undefined;
  /** Scores become `softCap * tanh(scores / softCap)`, before the mask, as `softCap()` does it. Not capped when absent. */
  readonly softCap?: number | undefined;
}

/** The factor and the cap of the scores of heads this wide. @throws ForetokenError unless the cap is above 0 */
function scoring(
  { scale, softCap }: AttentionOptions,
  width: number,
): Pick<AttentionProblem, 'scale' | 'softCap'> {
  if (softCap !== undefined && !(softCap > 0))
    throw new ForetokenError(
      `attention: expected a softCap above 0, got ${softCap}. Leave it out for no cap.`,
    );
  return { scale: scale ?? 1 / Math.sqrt(width), softCap };
}

function checkHeads(queryHeads: number, keyHeads: number): void {
  if (keyHeads === 0 || queryHeads % keyHeads !== 0) {
    throw new ShapeError(
      `attention: ${queryHeads} query heads cannot share ${keyHeads} key heads: the number must divide.`,
    );
  }
}

function check(query: Tensor, key: Tensor, value: Tensor): void {
  for (const [name, tensor] of Object.entries({ query, key, value })) {
    if (tensor.rank !== 4) {
      throw new ShapeError(
        `attention: expected ${name} [batch, heads, time, width], got ${formatShape(tensor.shape)}.`,
      );
    }
    if (!isFloat(tensor.dtype))
      throw new DTypeError(`attention: expected f32 or f16, got ${tensor.dtype} for ${name}.`);
  }
  if (
    !sameShape(key.shape, value.shape) ||
    query.shape[0] !== key.shape[0] ||
    query.shape[3] !== key.shape[3]
  ) {
    throw new ShapeError(
      `attention: query ${formatShape(query.shape)}, key ${formatShape(key.shape)} and value ${formatShape(value.shape)} do not fit: batch and width must agree, key and value must have one shape.`,
    );
  }
  checkHeads(query.shape[1] as number, key.shape[1] as number);
}

/** The mask with axes for batch, heads, queries and keys, those of batch and heads 1 where it is the same for all. */
function wholeMask(
  { mask }: AttentionOptions,
  { batch, queryHeads, queries, keys }: AttentionProblem,
): Tensor | undefined {
  if (mask === undefined || queries === 0 || keys === 0) return undefined;
  if (mask.dtype !== 'bool') throw new DTypeError(`attention: expected a bool mask, got ${mask.dtype}.`);
  const scores = [batch, queryHeads, queries, keys];
  if (!sameShape(broadcastShapes('attention mask', mask.shape, scores), scores)) {
    throw new ShapeError(
      `attention: the mask ${formatShape(mask.shape)} does not broadcast to ${formatShape(scores)}.`,
    );
  }
  // Axes of batch and heads stay as they are, so that blocks are looked at once for all that share them.
  const [ownBatch, ownHeads] = [...new Array<number>(4 - mask.rank).fill(1), ...mask.shape] as [
    number,
    number,
  ];
  return mask.expand([ownBatch, ownHeads, queries, keys]);
}

/** The states of the mask's blocks, and the mask; nothing where there is none. */
function maskInputs(whole: Tensor | undefined, { skipBlocks = true }: AttentionOptions): Tensor[] {
  if (whole === undefined) return [];
  const blocks = apply(attentionBlocks, [whole], blockAttributes(whole.device.runtime.target));
  return [skipBlocks ? blocks : whole.device.ones([1, 1, ...blocks.shape.slice(2)], 'u32'), whole];
}

/**
 * Result `[batch, queries, queryHeads, width]` of inputs that lie as the problem says, f16 if they all are. Sums and
 * statistics are f32.
 */
function attend(
  inputs: readonly Tensor[],
  [query, key, value]: readonly [Tensor, Tensor, Tensor],
  problem: AttentionProblem,
  options: AttentionOptions,
  gradients: Pick<AttentionGradientProblem, 'shape' | 'towardsQuery' | 'towardsKey' | 'towardsValue'>,
  split: (all: Tensor) => readonly Tensor[],
): Tensor {
  const mask = wholeMask(options, problem);
  const masks = maskInputs(mask, options);
  const acrossKeys = options.sharedOut === 'keys' && sharesKeys(query.device.runtime.target, problem);
  const result = acrossKeys
    ? apply(forwardAcrossKeys, [query, key, value, ...(mask === undefined ? [] : [mask])], problem)
    : apply(forward, [query, key, value, ...masks], problem);
  return customGradient(result, inputs, (upstream) => {
    const logTotal = partOf(result, 1, result.shape.slice(0, 3));
    const delta = upstream.cast('f32').mul(result.cast('f32')).sum(3);
    const all = apply(backward, [query, key, value, upstream, logTotal, delta, ...masks], {
      ...problem,
      ...gradients,
    });
    return split(all);
  });
}

/**
 * `softmax(softCap(scale * query key') where visible) value`, without storing the scores. Consecutive query heads share a
 * key head (grouped-query attention, arXiv 2305.13245). A query that sees nothing gives zeros. Computed in f32; where all
 * inputs are f16, the result has been rounded to f16, which is how it lies in memory.
 *
 * @param query - f32 or f16 `[batch, queryHeads, queries, width]`
 * @param key - f32 or f16 `[batch, keyHeads, keys, width]`
 * @param value - like `key`
 * @returns f32 `[batch, queryHeads, queries, width]`
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  check(query, key, value);
  const [batch, queryHeads, queries, width] = query.shape as [number, number, number, number];
  const [, keyHeads, keys] = key.shape as [number, number, number];
  const problem: AttentionProblem = {
    ...{ batch, queryHeads, keyHeads, queries, keys, width },
    ...scoring(options, width),
    query: headsFirst(queryHeads, queries, width),
    key: headsFirst(keyHeads, keys, width),
    value: headsFirst(keyHeads, keys, width),
  };
  // Gradients lie one behind the other.
  const [keyStart, valueStart] = [query.size, query.size + key.size];
  const gradients = {
    shape: [valueStart + value.size],
    towardsQuery: problem.query,
    towardsKey: headsFirst(keyHeads, keys, width, keyStart),
    towardsValue: headsFirst(keyHeads, keys, width, valueStart),
  };
  const inputs = [query, key, value] as const;
  const split = (all: Tensor): Tensor[] => [
    all.slice(0, 0, keyStart).reshape(query.shape),
    all.slice(0, keyStart, valueStart).reshape(key.shape),
    all.slice(0, valueStart).reshape(value.shape),
  ];
  return attend(inputs, inputs, problem, options, gradients, split).permute([0, 2, 1, 3]).cast('f32');
}

export interface HeadCounts {
  readonly queryHeads: number;
  readonly keyHeads: number;
}

/**
 * Self-attention of the rows of one projection, which hold the heads of the queries, then those of the keys, then those
 * of the values. Reads the heads where they lie and writes its gradient there, so nothing is copied. Of an f16
 * projection, the result has been rounded to f16, which is how it lies in memory.
 *
 * @param projection - f32 or f16 `[batch, time, (queryHeads + 2 keyHeads) * width]`
 * @returns f32 `[batch, time, queryHeads * width]`
 */
export function selfAttention(
  projection: Tensor,
  { queryHeads, keyHeads }: HeadCounts,
  options: AttentionOptions = {},
): Tensor {
  checkHeads(queryHeads, keyHeads);
  const heads = queryHeads + 2 * keyHeads;
  const rowWidth = projection.shape[2] as number;
  if (projection.rank !== 3 || rowWidth % heads !== 0) {
    throw new ShapeError(
      `selfAttention: expected [batch, time, ${heads} heads times their width], got ${formatShape(projection.shape)}.`,
    );
  }
  if (!isFloat(projection.dtype))
    throw new DTypeError(`selfAttention: expected f32 or f16, got ${projection.dtype}. Use cast('f32').`);
  const [batch, time] = projection.shape as [number, number, number];
  const width = rowWidth / heads;
  const view = (first: number) => headsInRows(first, time, width, rowWidth);
  const views = { query: view(0), key: view(queryHeads), value: view(queryHeads + keyHeads) };
  const problem: AttentionProblem = {
    ...{ batch, queryHeads, keyHeads, queries: time, keys: time, width },
    ...scoring(options, width),
    ...views,
  };
  const shape: Shape = projection.shape;
  const gradients = { shape, towardsQuery: views.query, towardsKey: views.key, towardsValue: views.value };
  const result = attend(
    [projection],
    [projection, projection, projection],
    problem,
    options,
    gradients,
    (all) => [all],
  );
  return result.reshape([batch, time, queryHeads * width]).cast('f32');
}
