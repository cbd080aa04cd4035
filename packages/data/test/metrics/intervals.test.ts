import { describe, expect, it } from 'vitest';
import { bootstrapInterval, normalInterval } from '../../src/index.js';

describe('normalInterval', () => {
  it('is the mean and 1.96 standard errors to either side', () => {
    // Mean 0.5, sample variance 4 * 0.25 / 3 = 1/3, standard error sqrt(1/12) = 0.288675.
    const { mean, low, high } = normalInterval([0, 0, 1, 1]);
    expect(mean).toBe(0.5);
    expect(high - mean).toBeCloseTo(1.959964 * 0.288675, 5);
    expect(mean - low).toBeCloseTo(high - mean, 12);
  });

  it('has no width for one score, and refuses none', () => {
    expect(normalInterval([0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 });
    expect(() => normalInterval([])).toThrow('normalInterval: expected at least one score, got none.');
  });
});

describe('bootstrapInterval', () => {
  const scores = Float64Array.from({ length: 200 }, (_, at) => (at % 4 === 0 ? 1 : 0));

  it('agrees with the normal approximation on many scores, and is the same for the same seed', () => {
    const interval = bootstrapInterval(scores, { seed: 3 });
    const normal = normalInterval(scores);
    expect(interval.mean).toBe(0.25);
    expect(interval.low).toBeCloseTo(normal.low, 1);
    expect(interval.high).toBeCloseTo(normal.high, 1);
    expect(interval.low).toBeLessThan(0.22);
    expect(interval.high).toBeGreaterThan(0.28);
    expect(bootstrapInterval(scores, { seed: 3 })).toEqual(interval);
    expect(bootstrapInterval(scores, { seed: 4 })).not.toEqual(interval);
  });

  it('takes percentiles on straight lines between resamples, as NumPy does', () => {
    expect(bootstrapInterval([1, 1, 1])).toEqual({ mean: 1, low: 1, high: 1 });
    const wide = bootstrapInterval([0, 1], { resamples: 1 });
    expect(wide.low).toBe(wide.high);
  });
});
