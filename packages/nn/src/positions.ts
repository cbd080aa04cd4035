import { type Device, embedding, type Tensor, type Variable } from '@foretoken/tensor';
import { checkCount } from './errors.js';
import { Module } from './module.js';
import { checkPositionTable } from './position-table.js';

export interface SinusoidalConfig {
  readonly width: number;
  readonly maxPositions: number;
  /** Default 10000. */
  readonly base?: number;
}

/** The table of arXiv 1706.03762, section 3.5: sines in even columns, cosines in odd ones; `[maxPositions, width]`. */
export function sinusoidalTable({ width, maxPositions, base = 10000 }: SinusoidalConfig): Float32Array {
  const table = new Float32Array(maxPositions * width);
  for (let position = 0; position < maxPositions; position++) {
    for (let column = 0; column < width; column++) {
      const angle = position / base ** ((column - (column % 2)) / width);
      table[position * width + column] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
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
