import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rouge, rougeOfSeveral } from '../../src/index.js';

interface Case {
  readonly note: string;
  readonly reference: string;
  readonly prediction: string;
  readonly stem: boolean;
  readonly expected: Readonly<Record<string, readonly [precision: number, recall: number, fMeasure: number]>>;
}

const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/rouge-references.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

describe('rouge', () => {
  for (const { note, reference, prediction, stem, expected } of cases) {
    it(note, () => {
      const scores = rouge(reference, prediction, { stem });
      for (const [type, [precision, recall, fMeasure]] of Object.entries(expected)) {
        const score = scores[type as keyof typeof scores];
        expect(score.precision, `${type} precision`).toBeCloseTo(precision, 4.7);
        expect(score.recall, `${type} recall`).toBeCloseTo(recall, 4.7);
        expect(score.fMeasure, `${type} F`).toBeCloseTo(fMeasure, 4.7);
      }
    });
  }

  it.each([
    ['', ''],
    ['', 'a word'],
    ['a word', ''],
    ['a word', '/'],
    ['\n\n', '\n'],
  ])('is 0 and never NaN for %j against %j', (reference, prediction) => {
    for (const score of Object.values(rouge(reference, prediction))) {
      expect(score).toEqual({ precision: 0, recall: 0, fMeasure: 0 });
    }
  });

  it('is 1 for equal texts', () => {
    const text = '#Person1# asks for help.\nThe doctor, 42, helps.';
    for (const score of Object.values(rouge(text, text))) {
      expect(score).toEqual({ precision: 1, recall: 1, fMeasure: 1 });
    }
  });

  it('cuts words at letters outside a to z, as the original does', () => {
    expect(rouge('caf\u00e9', 'caf').rouge1.fMeasure).toBe(1);
  });

  it('does not take a word of the prototype of objects for a count', () => {
    expect(rouge('constructor toString', 'valueOf').rouge1.fMeasure).toBe(0);
  });
});

describe('rougeOfSeveral', () => {
  const references = ['one two three four', 'one', 'five'];

  it('takes the best score of each kind, or the mean', () => {
    // Against 'one two': F is 2 * 1 * .5 / 1.5 = 2/3; 2 * .5 * 1 / 1.5 = 2/3; 0.
    expect(rougeOfSeveral(references, 'one two').rouge1).toEqual({
      precision: 1,
      recall: 0.5,
      fMeasure: 2 / 3,
    });
    const mean = rougeOfSeveral(references, 'one two', { combine: 'mean' }).rouge1;
    expect(mean.fMeasure).toBeCloseTo(4 / 9, 12);
    expect(mean.precision).toBeCloseTo(0.5, 12);
  });

  it('refuses an empty list', () => {
    expect(() => rougeOfSeveral([], 'one')).toThrow('rougeOfSeveral: expected at least one reference.');
  });
});
