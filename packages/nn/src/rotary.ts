import { type Device, embedding, type Tensor, type Variable } from '@foretoken/tensor';
import { ConfigError, checkCount } from './errors.js';
import { Module } from './module.js';
import { checkGrid, type PositionGrid, placeInGrid } from './position-grid.js';
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
  /**
   * Turns by rows and columns of a grid instead of by the position id: the first half of the pairs by the row, the
   * second by the column, each at the rates of a head of half the width, so that `headWidth` must be a multiple of 4.
   * Tokens in front of the grid are not turned.
   */
  readonly grid?: PositionGrid | undefined;
}

/** What `rotate` multiplies by, for one set of positions: both `[B, 1, T, K]`. */
export interface Rotation {
  readonly cos: Tensor;
  /** The sine, negative for the first element of each pair. */
  readonly sin: Tensor;
  readonly layout: RotaryLayout;
}

/** The angle of every pair at a position id, by rows and columns where there is a grid. */
function anglesAt(position: number, rates: readonly number[], grid: PositionGrid | undefined): number[] {
  if (grid === undefined) return rates.map((rate) => position * rate);
  const { row, column } = placeInGrid(position, grid) ?? { row: 0, column: 0 };
  return [row, column].flatMap((coordinate) => rates.map((rate) => coordinate * rate));
}

/**
 * Cosines and signed sines `[maxPositions, headWidth]` of `position * base^(-2i / headWidth)`, scaled; with a grid, of
 * `row * base^(-4i / headWidth)` for the first half of the pairs, then of `column * base^(-4i / headWidth)`, as LlamaGen
 * (arXiv 2406.06525) has them. Drawn up in double precision on the host: WGSL promises little for sines of large angles.
 */
export function rotaryTables(config: RotaryConfig): { cos: Float32Array; sin: Float32Array } {
  const { headWidth, maxPositions, base = 10000, layout = 'half', scaling, grid } = config;
  const half = headWidth / 2;
  const cos = new Float32Array(maxPositions * headWidth);
  const sin = new Float32Array(maxPositions * headWidth);
  const turned = grid === undefined ? headWidth : half;
  const rates = Array.from({ length: turned / 2 }, (_, pair) =>
    scaledRate(base ** ((-2 * pair) / turned), scaling),
  );
  for (let position = 0; position < maxPositions; position++) {
    for (const [pair, angle] of anglesAt(position, rates, grid).entries()) {
      const first = position * headWidth + (layout === 'half' ? pair : 2 * pair);
      const second = layout === 'half' ? first + half : first + 1;
      cos[first] = cos[second] = Math.cos(angle);
      sin[second] = Math.sin(angle);
      sin[first] = -Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Rotary position embedding (arXiv 2104.09864), in one or two dimensions: the tables, and the look-up by position id. */
export class RotaryEmbedding extends Module {
  readonly #layout: RotaryLayout;
  readonly #cos: Variable;
  readonly #sin: Variable;

  constructor(device: Device, config: RotaryConfig) {
    super();
    const { headWidth, maxPositions, layout = 'half', grid } = config;
    checkCount('RotaryEmbedding', 'headWidth', headWidth);
    checkPositionTable('RotaryEmbedding', device, { maxPositions, width: headWidth });
    if (headWidth % 2 !== 0)
      throw new ConfigError(`RotaryEmbedding: headWidth must be even, got ${headWidth}.`);
    if (grid !== undefined) {
      checkGrid('RotaryEmbedding', grid, maxPositions);
      if (headWidth % 4 !== 0)
        throw new ConfigError(
          `RotaryEmbedding: headWidth must be a multiple of 4 with a grid, got ${headWidth}.`,
        );
    }
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
