import { LayerNorm } from '@foretoken/nn';
import type { Device, Tensor } from '@foretoken/tensor';
import { randomVariable } from './random-variable.js';
import { timeStep } from './timing.js';

export interface ElementwiseResult {
  readonly operation: string;
  readonly rows: number;
  readonly width: number;
  /** Bytes that must be read and written, over the time of the best repeat. */
  readonly gigabytesPerSecond: number;
  readonly microseconds: number;
  readonly variant: string;
}

/** Passes over memory of one `[rows, width]` tensor, read or written. */
interface Case {
  readonly operation: string;
  readonly passes: number;
  body(x: Tensor, y: Tensor, norm: LayerNorm): Tensor;
}

const CASES: readonly Case[] = [
  { operation: 'add', passes: 3, body: (x, y) => x.add(y) },
  { operation: 'gelu', passes: 2, body: (x) => x.gelu('tanh') },
  { operation: 'softmax', passes: 2, body: (x) => x.softmax() },
  { operation: 'layerNorm', passes: 2, body: (x, _, norm) => norm.forward(x) },
  { operation: 'sum', passes: 1, body: (x) => x.sum() },
];

const BYTES_PER_NUMBER = 4;

/** Measures operations that memory bounds, on tensors `[rows, width]`. */
export async function benchElementwise(
  device: Device,
  rows: number,
  width: number,
): Promise<ElementwiseResult[]> {
  const shape = [rows, width];
  const [x, y] = [randomVariable(device, shape), randomVariable(device, shape)];
  const norm = new LayerNorm(device, { width });
  const results: ElementwiseResult[] = [];
  for (const { operation, passes, body } of CASES) {
    const step = device.compile(() => ({ result: body(x, y, norm) }), { name: operation });
    const { bestMicroseconds, variant } = await timeStep(device, step, {});
    step.dispose();
    results.push({
      operation,
      rows,
      width,
      gigabytesPerSecond: (passes * rows * width * BYTES_PER_NUMBER) / bestMicroseconds / 1000,
      microseconds: bestMicroseconds,
      variant,
    });
  }
  norm.dispose();
  x.dispose();
  y.dispose();
  return results;
}
