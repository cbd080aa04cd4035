import type { HostRandom, Shape } from '@foretoken/tensor';
import { ConfigError } from './errors.js';

/** Draws the first values of a parameter. On the host, so that every adapter starts from the same bits. */
export type Initializer = (shape: Shape, random: HostRandom) => Float32Array;

const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

const fill = (shape: Shape, draw: () => number): Float32Array => {
  const values = new Float32Array(sizeOf(shape));
  for (let index = 0; index < values.length; index++) values[index] = draw();
  return values;
};

export const constant =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);
export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** Gaussian, by default standard. */
export const normal =
  ({ mean = 0, std = 1 }: { mean?: number; std?: number } = {}): Initializer =>
  (shape, random) =>
    fill(shape, () => mean + std * random.normal());

/** Evenly in `low..high`. */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, random) =>
    fill(shape, () => low + (high - low) * random.uniform());

/** Gaussian without its tails: draws outside `low..high` (in units of the values, not of `std`) are drawn again. */
export const truncatedNormal =
  ({
    mean = 0,
    std = 1,
    low = -2,
    high = 2,
  }: {
    mean?: number;
    std?: number;
    low?: number;
    high?: number;
  } = {}): Initializer =>
  (shape, random) => {
    // Rejection would hardly ever end where the interval holds little of the distribution.
    if (!(low < high && low < mean + 3 * std && high > mean - 3 * std)) {
      throw new ConfigError(
        `truncatedNormal: ${low}..${high} holds next to nothing of mean ${mean}, std ${std}.`,
      );
    }
    return fill(shape, () => {
      for (;;) {
        const value = mean + std * random.normal();
        if (value >= low && value <= high) return value;
      }
    });
  };

/** Numbers that go into and come out of one unit of a weight `[out, in, ...receptive field]`. */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [out, into, ...field] = shape;
  if (out === undefined || into === undefined) {
    throw new ConfigError(
      `initializer: fan-in and fan-out need two axes or more, got shape [${shape.join(', ')}].`,
    );
  }
  return { fanIn: into * sizeOf(field), fanOut: out * sizeOf(field) };
}

/** Gaussian with standard deviation `gain * sqrt(2 / (fanIn + fanOut))` (Glorot and Bengio, 2010). */
export const xavierNormal =
  (gain = 1): Initializer =>
  (shape, random) => {
    const { fanIn, fanOut } = fans(shape);
    return normal({ std: gain * Math.sqrt(2 / (fanIn + fanOut)) })(shape, random);
  };

/** Evenly in `±gain * sqrt(6 / (fanIn + fanOut))` (Glorot and Bengio, 2010). */
export const xavierUniform =
  (gain = 1): Initializer =>
  (shape, random) => {
    const { fanIn, fanOut } = fans(shape);
    const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
    return uniform(-bound, bound)(shape, random);
  };

export interface KaimingOptions {
  /** sqrt(2) for ReLU (default), 1 for linear units. */
  readonly gain?: number;
  /** Keep the variance of the forward (default) or of the backward pass. */
  readonly mode?: 'fanIn' | 'fanOut';
}

/** Gaussian with standard deviation `gain / sqrt(fan)` (He et al., 2015). */
export const kaimingNormal =
  ({ gain = Math.SQRT2, mode = 'fanIn' }: KaimingOptions = {}): Initializer =>
  (shape, random) =>
    normal({ std: gain / Math.sqrt(fans(shape)[mode]) })(shape, random);

/** Evenly in `±gain * sqrt(3 / fan)` (He et al., 2015). */
export const kaimingUniform =
  ({ gain = Math.SQRT2, mode = 'fanIn' }: KaimingOptions = {}): Initializer =>
  (shape, random) => {
    const bound = gain * Math.sqrt(3 / fans(shape)[mode]);
    return uniform(-bound, bound)(shape, random);
  };
