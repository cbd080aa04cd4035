import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { argmax, type SamplingOptions, sampleToken, tokenProbabilities } from '../src/index.js';

const DRAWS = 4000;
// Probabilities 0.5, 0.25, 0.15, 0.1, in another order.
const probabilities = [0.15, 0.5, 0.1, 0.25];
const logits = Float32Array.from(probabilities, (probability) => Math.log(probability) + 3);

function frequencies(options: SamplingOptions): number[] {
  const random = new HostRandom(11);
  const counts = [0, 0, 0, 0];
  for (let draw = 0; draw < DRAWS; draw++) {
    const id = sampleToken(logits, options, random);
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts.map((count) => count / DRAWS);
}

function expectDistribution(options: SamplingOptions, weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  frequencies(options).forEach((frequency, id) => {
    const expected = (weights[id] as number) / total;
    // Four standard deviations of a binomial; exactly none where the probability is zero.
    const tolerance = 4 * Math.sqrt((expected * (1 - expected)) / DRAWS);
    expect(Math.abs(frequency - expected)).toBeLessThanOrEqual(tolerance);
  });
}

describe('sampleToken', () => {
  it('draws from the softmax', () => expectDistribution({}, probabilities));

  it('sharpens with a temperature of one half: probabilities squared', () =>
    expectDistribution(
      { temperature: 0.5 },
      probabilities.map((probability) => probability ** 2),
    ));

  it('keeps the k likeliest', () => expectDistribution({ topK: 2 }, [0, 0.5, 0, 0.25]));

  it('keeps the smallest set that reaches p', () => {
    expectDistribution({ topP: 0.7 }, [0, 0.5, 0, 0.25]);
    expectDistribution({ topP: 0.8 }, [0.15, 0.5, 0, 0.25]);
    expectDistribution({ topP: 0.01 }, [0, 1, 0, 0]);
  });

  it('cuts to k first, then to p of what is left', () =>
    // Of 0.5 and 0.25, the first alone holds two thirds.
    expectDistribution({ topK: 2, topP: 0.6 }, [0, 1, 0, 0]));

  it('with temperature 0 takes the likeliest, the first among equals', () => {
    const random = new HostRandom(0);
    expect(sampleToken(Float32Array.of(1, 3, 3), { temperature: 0 }, random)).toBe(1);
    expect(argmax(Float32Array.of(-5, -7))).toBe(0);
  });

  it('survives logits that would overflow', () => {
    const random = new HostRandom(0);
    expect(sampleToken(Float32Array.of(-3e38, 3e38), {}, random)).toBe(1);
  });
});

describe('logits that leave nothing to draw', () => {
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const random = new HostRandom(1);

  it.each([
    [[1, Number.NaN], /logit of token 1 is NaN/],
    [[high, 1], /logit of token 0 is Infinity/],
    [[low, low], /no logit is above -Infinity/],
    [[], /no logit is above -Infinity/],
  ])('%j are refused', (values, message) => {
    for (const temperature of [0, 1]) {
      const options = { temperature };
      expect(() => sampleToken(Float32Array.from(values), options, random)).toThrow(message);
      expect(() => tokenProbabilities(Float32Array.from(values), options)).toThrow(message);
    }
  });

  it('but -Infinity alone rules a token out', () => {
    expect(sampleToken(Float32Array.of(low, 1, low), { temperature: 3 }, random)).toBe(1);
  });
});
