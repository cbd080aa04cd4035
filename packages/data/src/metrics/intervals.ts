import { PhiloxRandom } from '../random/philox-random.js';
import { percentile } from './percentile.js';

/** A mean and the bounds of its confidence interval. */
export interface MeanInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 % of the normal distribution. */
const NORMAL_95 = 1.959963984540054;

const meanOf = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let at = 0; at < values.length; at++) total += values[at] as number;
  return total / values.length;
};

function requireValues(what: string, values: ArrayLike<number>): void {
  if (values.length === 0) throw new RangeError(`${what}: expected at least one score, got none.`);
}

/**
 * The mean with its 95 % interval by the normal approximation, mean plus or minus 1.96 standard errors (sample
 * variance, divisor n - 1). One score alone has an interval of no width, which says nothing.
 *
 * @throws RangeError without a score
 */
export function normalInterval(values: ArrayLike<number>): MeanInterval {
  requireValues('normalInterval', values);
  const mean = meanOf(values);
  const squares = Array.from(values, (value) => (value - mean) ** 2);
  const variance = values.length > 1 ? (meanOf(squares) * values.length) / (values.length - 1) : 0;
  const half = NORMAL_95 * Math.sqrt(variance / values.length);
  return { mean, low: mean - half, high: mean + half };
}

export interface BootstrapOptions {
  /** Default 1000, as in `rouge_score.scoring.BootstrapAggregator`. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
  /** The same seed gives the same bounds. Default 0. */
  readonly seed?: number;
}

/**
 * The mean with the percentiles of the means of resamples, drawn with replacement.
 *
 * @throws RangeError without a score
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  { resamples = 1000, confidence = 0.95, seed = 0 }: BootstrapOptions = {},
): MeanInterval {
  requireValues('bootstrapInterval', values);
  const means = Float64Array.from({ length: resamples }, (_, index) => {
    const random = new PhiloxRandom(seed, { domain: 0, index });
    let total = 0;
    for (let drawn = 0; drawn < values.length; drawn++) {
      total += values[random.integer(values.length)] as number;
    }
    return total / values.length;
  }).sort();
  const tail = (1 - confidence) / 2;
  return { mean: meanOf(values), low: percentile(means, tail), high: percentile(means, 1 - tail) };
}
