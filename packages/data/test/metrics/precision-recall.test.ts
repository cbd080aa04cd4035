import { describe, expect, it } from 'vitest';
import { precisionRecall, wilsonInterval } from '../../src/index.js';

/** Points on a line. */
const line = (...values: number[]) => ({ values, count: values.length, width: 1 });

describe('precision and recall', () => {
  it('of equal sets are 1', () => {
    const { precision, recall } = precisionRecall(line(0, 1, 2, 3, 4), line(0, 1, 2, 3, 4));
    expect([precision.mean, recall.mean]).toEqual([1, 1]);
    expect(precision.low).toBe(wilsonInterval(5, 5).low);
  });

  it('with one neighbour, worked out by hand', () => {
    // Balls of the real points: 0 and 1 reach 1 far, 5 reaches 4 far (to 1): -1..2 and 1..9.
    // Balls of the generated points: 1.5 reaches 1 (to 2.5), 2.5 the same, 20 reaches 17.5: 0.5..3.5 and 2.5..37.5.
    const { precision, recall } = precisionRecall(line(0, 1, 5), line(1.5, 2.5, 20), 1);
    expect(precision.mean).toBeCloseTo(2 / 3, 12);
    expect(recall.mean).toBeCloseTo(2 / 3, 12);
  });

  it('of samples of one kind have precision and no recall', () => {
    const real = line(
      ...Array.from({ length: 40 }, (_, at) => at),
      ...Array.from({ length: 40 }, (_, at) => 1000 + at),
    );
    const generated = line(...Array.from({ length: 40 }, (_, at) => at + 0.5));
    const { precision, recall } = precisionRecall(real, generated);
    expect(precision.mean).toBe(1);
    expect(recall.mean).toBe(0.5);
    expect(recall.low).toBeLessThan(0.5);
    expect(recall.high).toBeGreaterThan(0.5);
  });

  it('of far samples are 0', () => {
    const { precision, recall } = precisionRecall(line(0, 1, 2, 3, 4), line(100, 101, 102, 103, 104));
    expect([precision.mean, recall.mean]).toEqual([0, 0]);
  });

  it('count several dimensions', () => {
    const square = { values: [0, 0, 0, 1, 1, 0, 1, 1], count: 4, width: 2 };
    const middle = { values: [0.5, 0.5, 0.5, 0.6, 9, 9, 0.4, 0.5], count: 4, width: 2 };
    expect(precisionRecall(square, middle, 1).precision.mean).toBe(0.75);
  });

  it('refuses too few vectors', () => {
    expect(() => precisionRecall(line(0, 1, 2), line(0, 1, 2, 3))).toThrow('at least 4 vectors, got 3');
  });
});
