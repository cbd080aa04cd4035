import { type Device, embedding, type Tensor, type Variable } from '@foretoken/tensor';
import { ConfigError, checkCount } from './errors.js';
import { Module } from './module.js';
import { checkPositionTable } from './position-table.js';
import { type RotaryScaling, scaledRate } from './rotary-scaling.js';

/** `half` pairs element i with i + K/2 (Llama in Hugging Face, GPT-NeoX); `interleaved` pairs 2i with 2i + 1 (the paper). */
export type RotaryLayout = 'half' | 'interleaved';

export interface RotaryConfig {
  /** Width of a head, K; even. */
  readonly headWidth: number;
  /** Position ids run from 0 to `maxPositions - 1`. */
  readonly maxPositions: number;
  /** Default 10000. */
  readonly base?: number;
  /** Default 'half'. */
  readonly layout?: RotaryLayout;
  /** None when absent. */
  readonly scaling?: RotaryScaling | undefined;
}

/** What `rotate` multiplies by, for one set of positions: both `[B, 1, T, K]`. */
export interface Rotation {
  readonly cos: Tensor;
  /** The sine, negative for the first element of each pair. */
  readonly sin: Tensor;
  readonly layout: RotaryLayout;
}

/**
 * Cosines and signed sines `[maxPositions, headWidth]` of `position * base^(-2i / headWidth)`, scaled. Drawn up in
 * double precision on the host: WGSL promises little for sines of large angles.
 */
export function rotaryTables(config: RotaryConfig): { cos: Float32Array; sin: Float32Array } {
  const { headWidth, maxPositions, base = 10000, layout = 'half', scaling } = config;
  const half = headWidth / 2;
  const cos = new Float32Array(maxPositions * headWidth);
  const sin = new Float32Array(maxPositions * headWidth);
  const rates = Array.from({ length: half }, (_, pair) =>
    scaledRate(base ** ((-2 * pair) / headWidth), scaling),
  );
  for (let position = 0; position < maxPositions; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = position * (rates[pair] as number);
      const first = position * headWidth + (layout === 'half' ? pair : 2 * pair);
      const second = layout === 'half' ? first + half : first + 1;
      cos[first] = cos[second] = Math.cos(angle);
      sin[second] = Math.sin(angle);
      sin[first] = -Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Rotary position embedding (arXiv 2104.09864): the tables, and the look-up by position id. */
export class RotaryEmbedding extends Module {
  readonly #layout: RotaryLayout;
  readonly #cos: Variable;
  readonly #sin: Variable;

  constructor(device: Device, config: RotaryConfig) {
    super();
    const { headWidth, maxPositions, layout = 'half' } = config;
    checkCount('RotaryEmbedding', 'headWidth', headWidth);
    checkPositionTable('RotaryEmbedding', device, { maxPositions, width: headWidth });
    if (headWidth % 2 !== 0)
      throw new ConfigError(`RotaryEmbedding: headWidth must be even, got ${headWidth}.`);
    const { cos, sin } = rotaryTables(config);
    const shape = [maxPositions, headWidth];
    this.#layout = layout;
    this.#cos = device.variable(cos, { shape, name: 'rotary.cos', trainable: false });
    this.#sin = device.variable(sin, { shape, name: 'rotary.sin', trainable: false });
  }

  /** Looks up the rotation of each position. @param positions - i32 `[B, T]` */
  rotation(positions: Tensor): Rotation {
    return {
      cos: embedding(this.#cos, positions).unsqueeze(1),
      sin: embedding(this.#sin, positions).unsqueeze(1),
      layout: this.#layout,
    };
  }

  override dispose(): void {
    this.#cos.dispose();
    this.#sin.dispose();
  }
}

/** Exchanges the two elements of each pair. */
function swapPairs(heads: Tensor, layout: RotaryLayout): Tensor {
  const half = (heads.shape.at(-1) ?? 0) / 2;
  const leading = heads.shape.slice(0, -1);
  const paired =
    layout === 'half' ? heads.reshape([...leading, 2, half]) : heads.reshape([...leading, half, 2]);
  return paired.flip(layout === 'half' ? -2 : -1).reshape(heads.shape);
}

/**
 * Rotates queries or keys `[B, H, T, K]`: `(a, b)` becomes `(a cos - b sin, b cos + a sin)` for each pair,
 * written as `x * cos + swapped(x) * signedSin` so that it is one elementwise expression.
 */
export function rotate(heads: Tensor, { cos, sin, layout }: Rotation): Tensor {
  return heads.mul(cos).add(swapPairs(heads, layout).mul(sin));
}
