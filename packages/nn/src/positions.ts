import { type Device, embedding, type Tensor, type Variable } from '@foretoken/tensor';
import { ConfigError, checkCount } from './errors.js';
import { Module } from './module.js';
import { checkGrid, type PositionGrid, placeInGrid } from './position-grid.js';
import { checkPositionTable } from './position-table.js';

export interface SinusoidalConfig {
  readonly width: number;
  readonly maxPositions: number;
  /** Default 10000. */
  readonly base?: number;
  /** Rows and columns of a grid count instead of the position id; needs a `width` that is a multiple of 4. */
  readonly grid?: PositionGrid | undefined;
}

/**
 * The table of arXiv 1706.03762, section 3.5: sines in even columns, cosines in odd ones; `[maxPositions, width]`. With a
 * grid, that of `sinusoidalGridTable`.
 */
export function sinusoidalTable(config: SinusoidalConfig): Float32Array {
  const { width, maxPositions, base = 10000, grid } = config;
  if (grid !== undefined) return sinusoidalGridTable({ ...config, grid });
  const table = new Float32Array(maxPositions * width);
  for (let position = 0; position < maxPositions; position++) {
    for (let column = 0; column < width; column++) {
      const angle = position / base ** ((column - (column % 2)) / width);
      table[position * width + column] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return table;
}

/**
 * Positions in two dimensions as masked autoencoders have them (arXiv 2111.06377, `get_2d_sincos_pos_embed`): four parts of
 * a quarter of the width each, sines and cosines of the column, then of the row, at rates `base^(-4i / width)`. Rows of
 * tokens in front of the grid are 0.
 */
function sinusoidalGridTable({
  width,
  maxPositions,
  base = 10000,
  grid,
}: SinusoidalConfig & { readonly grid: PositionGrid }): Float32Array {
  const quarter = width / 4;
  const table = new Float32Array(maxPositions * width);
  for (let position = 0; position < maxPositions; position++) {
    const place = placeInGrid(position, grid);
    if (place === undefined) continue;
    for (const [half, coordinate] of [place.column, place.row].entries()) {
      const start = position * width + 2 * half * quarter;
      for (let at = 0; at < quarter; at++) {
        const angle = coordinate / base ** (at / quarter);
        table[start + at] = Math.sin(angle);
        table[start + quarter + at] = Math.cos(angle);
      }
    }
  }
  return table;
}

/** Fixed position vectors. Learned ones are an ordinary `Embedding`. */
export class SinusoidalPositions extends Module {
  readonly #table: Variable;

  constructor(device: Device, config: SinusoidalConfig) {
    super();
    checkCount('SinusoidalPositions', 'width', config.width);
    checkPositionTable('SinusoidalPositions', device, config);
    if (config.grid !== undefined) {
      checkGrid('SinusoidalPositions', config.grid, config.maxPositions);
      if (config.width % 4 !== 0)
        throw new ConfigError(
          `SinusoidalPositions: width must be a multiple of 4 with a grid, got ${config.width}.`,
        );
    }
    const shape = [config.maxPositions, config.width];
    this.#table = device.variable(sinusoidalTable(config), { shape, name: 'positions', trainable: false });
  }

  /** i32 `[B, T]` to `[B, T, width]`. */
  forward(positions: Tensor): Tensor {
    return embedding(this.#table, positions);
  }

  override dispose(): void {
    this.#table.dispose();
  }
}
