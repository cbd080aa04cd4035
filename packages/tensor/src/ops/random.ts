import { DTypeError, ForetokenError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import { checkShape, formatShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { KEY_DOMAIN, THREEFRY_WGSL } from '../threefry.js';
import { where } from './elementwise.js';

/** WGSL helpers of the random operations; the emitter adds those that a kernel uses. */
export const RANDOM_HELPERS: Readonly<Record<string, string>> = { threefry: THREEFRY_WGSL };

const THREEFRY_WORK = 100;

interface RandomAttributes {
  readonly shape: Shape;
  /** Second word of the counter: the domain that the bits are for. */
  readonly domain: number;
  /** First word of the counter, where it is not the place. */
  readonly data?: number;
}

const bits: Operation<RandomAttributes> = {
  name: 'randomBits',
  infer: (_, { shape }) => ({ shape, dtype: 'u32' }),
  gradient: 'nonDifferentiable',
  lowering: {
    kind: 'indexed',
    work: THREEFRY_WORK,
    emit: (emitter, node, { domain, data }, index) => {
      const key = node.inputs[0] as GraphNode;
      const word = (at: number): string => emitter.value(key, emitter.indexOfDims([2], [`${at}u`]));
      const place = emitter.flat(index);
      const counter = data === undefined ? `${place} / 2u` : `${data >>> 0}u`;
      const block = emitter.bind(
        'vec2<u32>',
        `threefry(vec2<u32>(${word(0)}, ${word(1)}), vec2<u32>(${counter}, ${domain}u))`,
      );
      return `select(${block}.x, ${block}.y, ${place} % 2u == 1u)`;
    },
  },
};

function checkKey(op: string, key: Tensor): void {
  if (key.dtype !== 'u32')
    throw new DTypeError(`${op}: expected a u32 key, got ${key.dtype}. Use randomKey(seed).`);
  if (key.size !== 2 || key.rank !== 1) {
    throw new ShapeError(
      `${op}: expected a key of shape [2], got ${formatShape(key.shape)}. Use randomKey(seed).`,
    );
  }
}

/** Element i is word `i % 2` of the Threefry block with counter `(floor(i / 2), 0)`. */
export function randomBits(key: Tensor, shape: Shape): Tensor {
  checkKey('randomBits', key);
  checkShape('randomBits', shape);
  return apply(bits, [key], { shape, domain: 0 });
}

/**
 * The key of a sub-stream: what `randomKey(seed, ...stream, data)` gives for the key of `stream`.
 *
 * @param data - an integer from 0 to 2^32 - 1
 */
export function foldIn(key: Tensor, data: number): Tensor {
  checkKey('foldIn', key);
  if (!Number.isInteger(data) || data < 0 || data >= 2 ** 32) {
    throw new ForetokenError(`foldIn: expected an integer from 0 to 2^32 - 1, got ${data}.`);
  }
  return apply(bits, [key], { shape: [2], domain: KEY_DOMAIN, data });
}

export function randomUniform(key: Tensor, shape: Shape): Tensor {
  // 24 bits fill the significand, so that 1 is never reached by rounding.
  return randomBits(key, shape)
    .div(256)
    .cast('f32')
    .mul(2 ** -24);
}

export function randomNormal(key: Tensor, shape: Shape): Tensor {
  const radius = randomUniform(foldIn(key, 0), shape).neg().add(1).log().mul(-2).sqrt();
  return radius.mul(
    randomUniform(foldIn(key, 1), shape)
      .mul(2 * Math.PI)
      .cos(),
  );
}

/** Zeroes elements with `probability`, and scales the others by `1 / (1 - probability)`. */
export function dropout(tensor: Tensor, probability: number, key: Tensor): Tensor {
  if (!(probability >= 0 && probability <= 1)) {
    throw new ForetokenError(`dropout: expected a probability from 0 to 1, got ${probability}.`);
  }
  checkKey('dropout', key);
  if (probability === 0) return tensor;
  if (probability === 1) return tensor.mul(0);
  const kept = randomUniform(key, tensor.shape).ge(probability);
  return where(kept, tensor.mul(1 / (1 - probability)), 0);
}
