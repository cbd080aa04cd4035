/** A mean, and the 95% interval of it; both ends are the mean where one value gives no interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Whether an interval is more than one value: equal values give none. */
export const hasWidth = ({ low, high }: Interval): boolean => high > low;

/**
 * `2.701 [2.690, 2.712]`; the mean alone of one value, and `2.701 [all equal]` where values that do not differ
 * give no interval.
 */
export function intervalText(interval: Interval, values: number, write: (value: number) => string): string {
  const { mean, low, high } = interval;
  if (values < 2 || ![mean, low, high].every(Number.isFinite)) return write(mean);
  return `${write(mean)} [${hasWidth(interval) ? `${write(low)}, ${write(high)}` : 'all equal'}]`;
}

// Two-sided 95% quantiles of Student's t distribution for 1, 2, ... degrees of freedom.
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;
const NORMAL = 1.96;

/** The 95% interval of the mean, by Student's t over seeds. */
export function meanInterval(values: readonly number[]): Interval {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, low: mean, high: mean };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const reach = (T95[count - 2] ?? NORMAL) * Math.sqrt(variance / count);
  return { mean, low: mean - reach, high: mean + reach };
}

/** The same of shares, clipped to 0..1. */
export function interval(values: readonly number[]): Interval {
  const { mean, low, high } = meanInterval(values);
  return { mean, low: Math.max(0, low), high: Math.min(1, high) };
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value below which a share of the values lies, between neighbours by linear interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** `p` of the fit `y = c * x^p`, by least squares over the logarithms; null where there are fewer than two `x`. */
export function powerExponent(xs: readonly number[], ys: readonly number[]): number | null {
  if (new Set(xs).size < 2) return null;
  const [logX, logY] = [xs.map(Math.log), ys.map(Math.log)];
  return slopeOf(logX, logY);
}

/** Slope of the line that fits the points best, by least squares. */
export function slopeOf(xs: readonly number[], ys: readonly number[]): number {
  const [meanX, meanY] = [meanOf(xs), meanOf(ys)];
  const products = xs.map((x, at) => (x - meanX) * ((ys[at] ?? meanY) - meanY));
  const squares = xs.map((x) => (x - meanX) ** 2);
  return meanOf(products) / meanOf(squares);
}
