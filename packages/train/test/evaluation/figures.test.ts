import { bootstrapInterval } from '@foretoken/data';
import { describe, expect, it } from 'vitest';
import { difference, type EvaluatedUnit, estimate, type Figure } from '../../src/index.js';

const score: Figure = { name: 'score', label: 'score', better: 'higher' };
const scored = (scores: readonly number[], weights: readonly number[] = []): EvaluatedUnit[] =>
  scores.map((total, at) => ({ id: `${at}`, shares: { score: { total, weight: weights[at] ?? 1 } } }));

describe('estimates', () => {
  it('are means with the bootstrap of rouge_score where all units weigh the same', () => {
    const scores = [0.1, 0.7, 0.4, 0.9, 0.35, 0.2];
    const { mean, low, high } = bootstrapInterval(scores, { seed: 3 });
    const found = estimate(scored(scores), [score], { seed: 3 })['score'];
    expect(found?.value).toBeCloseTo(mean, 12);
    expect(found?.low).toBeCloseTo(low, 12);
    expect(found?.high).toBeCloseTo(high, 12);
  });

  it('weigh units: 3 nats on 1 token and 3 on 5 are 1 a token', () => {
    const perplexity: Figure = { name: 'score', label: 'perplexity', better: 'lower', of: Math.exp };
    const { value, low, high } = estimate(scored([3, 3], [1, 5]), [perplexity])['score'] ?? {};
    expect(value).toBeCloseTo(Math.E, 12);
    // Resamples hold one of the two, or both.
    expect(low).toBeCloseTo(Math.exp(0.6), 12);
    expect(high).toBeCloseTo(Math.exp(3), 12);
  });

  it('of right and wrong answers have the interval of Wilson, which has a width at 0 too', () => {
    // R: prop.test(0, 12, correct = FALSE), prop.test(7, 10, correct = FALSE).
    const none = estimate(scored(new Array<number>(12).fill(0)), [score])['score'];
    expect(none?.low).toBe(0);
    expect(none?.high).toBeCloseTo(0.24249, 4);
    const most = estimate(scored([1, 1, 1, 1, 1, 1, 1, 0, 0, 0]), [score])['score'];
    expect(most?.low).toBeCloseTo(0.39678, 4);
    expect(most?.high).toBeCloseTo(0.89221, 4);
  });

  it('have no bounds where there is one unit, and are the same for the same seed alone', () => {
    expect(estimate(scored([2]), [score])['score']).toEqual({ value: 2, low: null, high: null });
    const scores = Array.from({ length: 30 }, (_, at) => (at * 7) % 11);
    expect(estimate(scored(scores), [score], { seed: 1 })).toEqual(
      estimate(scored(scores), [score], { seed: 1 }),
    );
    expect(estimate(scored(scores), [score], { seed: 1 })).not.toEqual(
      estimate(scored(scores), [score], { seed: 2 }),
    );
    expect(() => estimate([], [score])).toThrow(/nothing to make a figure of/);
  });
});

describe('differences', () => {
  it('are taken on what both have, and are narrower than two intervals where models agree', () => {
    const before = Array.from({ length: 40 }, (_, at) => at % 2);
    const after = before.map((value, at) => (at === 5 ? 1 : value));
    const ours = scored(after).slice(0, 30);
    const { pairs, figures } = difference(ours, scored(before), [score]);
    expect(pairs).toBe(30);
    expect(figures['score']?.value).toBeCloseTo(0, 12);
    const other = difference(scored(after.map((value, at) => (at === 6 ? 1 : value))), scored(before), [
      score,
    ]);
    expect(other.figures['score']?.value).toBeCloseTo(1 / 40, 12);
    expect(other.figures['score']?.low).toBe(0);
    expect(other.figures['score']?.high as number).toBeLessThan(0.1);
  });

  it('leave out figures that weigh units differently, as losses of different tokenizers', () => {
    expect(difference(scored([1, 2], [3, 4]), scored([1, 2], [3, 5]), [score])).toEqual({
      pairs: 2,
      figures: {},
    });
    expect(difference(scored([1]), [], [score])).toEqual({ pairs: 0, figures: {} });
  });
});
