import type { Device } from '@foretoken/tensor';
import { randomVariable } from './random-variable.js';
import type { StepSize } from './sizes.js';
import { timeStep } from './timing.js';

/** A product of `[m, k]` and `[k, n]`; a transposed factor lies in memory the other way round. */
export interface MatmulShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export interface MatmulResult extends MatmulShape {
  /** Of the best repeat. */
  readonly gflops: number;
  readonly medianGflops: number;
  readonly variant: string;
  /** Of the best repeat. */
  readonly microseconds: number;
  readonly repeats: number;
  /** Microseconds of each repeat. */
  readonly times: readonly number[];
}

/** Measures one product, for about half a second or `budget` milliseconds. */
export async function benchMatmul(
  device: Device,
  shape: MatmulShape,
  budget?: number,
): Promise<MatmulResult> {
  const { m, k, n, transposeA, transposeB } = shape;
  const a = randomVariable(device, transposeA ? [k, m] : [m, k]);
  const b = randomVariable(device, transposeB ? [n, k] : [k, n]);
  const step = device.compile(() => ({ product: a.matmul(b, { transposeA, transposeB }) }), {
    name: 'matmul',
  });
  try {
    const timing = await timeStep(device, step, {}, budget);
    const { bestMicroseconds, medianMicroseconds, microseconds: times, variant } = timing;
    const gflops = (microseconds: number): number => (2 * m * k * n) / microseconds / 1000;
    return {
      gflops: gflops(bestMicroseconds),
      variant,
      ...shape,
      microseconds: bestMicroseconds,
      medianGflops: gflops(medianMicroseconds),
      repeats: times.length,
      times,
    };
  } finally {
    step.dispose();
    a.dispose();
    b.dispose();
  }
}

const square = (size: number): MatmulShape => ({
  m: size,
  k: size,
  n: size,
  transposeA: false,
  transposeB: false,
});

/** The three products of a linear layer `[inWidth] -> [outWidth]` over `rows` tokens: forward and both gradients. */
export function linearShapes(rows: number, inWidth: number, outWidth: number): MatmulShape[] {
  return [
    { m: rows, k: inWidth, n: outWidth, transposeA: false, transposeB: true },
    { m: rows, k: outWidth, n: inWidth, transposeA: false, transposeB: false },
    { m: outWidth, k: rows, n: inWidth, transposeA: true, transposeB: false },
  ];
}

/** Squares, and the products of the MLP of a step in both directions, up and down. */
export function shapesOfStep({ batch, context, width }: StepSize): MatmulShape[] {
  const rows = batch * context;
  return [...linearShapes(rows, width, 4 * width), ...linearShapes(rows, 4 * width, width)];
}

export const SQUARES: readonly MatmulShape[] = [square(256), square(512), square(768)];

/** Squares large enough for the best rate, and the products of a step's MLP. */
export const telling = (size: StepSize): readonly MatmulShape[] => [
  square(512),
  square(768),
  ...shapesOfStep(size),
];
