import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finalNumber, markedNumber, normalizeNumber, optionLetter, parseJsonLines } from '../../src/index.js';
import { dataPath } from '../support/data-folder.js';

describe('normalizeNumber', () => {
  it.each([
    ['72', '72'],
    ['072', '72'],
    ['1,050', '1050'],
    ['$1,050.00', '1050'],
    ['$ 3.50', '3.5'],
    ['-5', '-5'],
    ['-$5', '-5'],
    ['$-5', '-5'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['.5', '0.5'],
    ['-.50', '-0.5'],
    ['72.', '72'],
    ['12345678901234567890', '12345678901234567890'],
    ['1e5', '100000'],
    ['1.25e1', '12.5'],
    ['125E-2', '1.25'],
    ['5e-3', '0.005'],
    ['-1e21', '-1000000000000000000000'],
    ['0e5', '0'],
    ['1e999', '1e999'],
  ])('%s -> %s', (text, number) => {
    expect(normalizeNumber(text)).toBe(number);
  });

  it.each(['', '-', '.', ',', '$', '1.2.3', '--5', 'five', '1e', 'e5', '5%'])('%j is none', (text) => {
    expect(normalizeNumber(text)).toBeUndefined();
  });
});

describe('markedNumber', () => {
  it.each([
    ['She sold 24 more.\n#### 72', '72'],
    ['#### 1,234', '1234'],
    ['#### -3', '-3'],
    ['#### 72.', '72'],
    ['#### 72.00', '72'],
    ['#### 72 clips', '72'],
    // A model that goes on has given its answer.
    ['#### 72\n\nQuestion: And then?\n\nAnswer: #### 5', '72'],
    // Not what the data set's authors accept.
    ['####72', undefined],
    ['#### $72', undefined],
    ['### 72', undefined],
    ['#### ,', undefined],
    ['The answer is 72.', undefined],
    ['', undefined],
  ])('%j -> %s', (text, number) => {
    expect(markedNumber(text)).toBe(number);
  });
});

describe('finalNumber', () => {
  it.each([
    ['#### 72', '72'],
    ['####72', '72'],
    ['#### $1,050', '1050'],
    ['#### about 72 of them, 3 each', '72'],
    ['so 5 + 5 = 10 #### none', '10'],
    [String.raw`Thus 3 + 4 = \boxed{7} of the 9`, '7'],
    [String.raw`\boxed{12} or rather \boxed{\$1,300}`, '1300'],
    ['The answer is 72.', '72'],
    ['The answer is $72.50, after 3 days.', '72.5'],
    ['The answer is: 1,234,567', '1234567'],
    ['The answer is not 5. The answer is -12.', '-12'],
    ['Answer: 18 (of 20)', '18'],
    ['the answer = 0.5', '0.5'],
    ['The final answer is therefore 9, not 10', '9'],
    ['48 / 2 = 24, and 48 + 24 = 72 clips.', '72'],
    ['He has 5, 6, 7.', '7'],
    ['It costs $3.', '3'],
    ['It costs -$3', '-3'],
    ['It falls to -5 degrees', '-5'],
    ['It falls to \u22125 degrees', '-5'],
    ['10-5', '5'],
    ['years 1990-2000', '2000'],
    ['5%', '5'],
    ['x = .5', '0.5'],
    ['1,2', '2'],
    ['3,000 and 1,000', '1000'],
    ['seventy-two', undefined],
    ['', undefined],
    ['####', undefined],
  ])('%j -> %s', (text, number) => {
    expect(finalNumber(text)).toBe(number);
  });
});

describe('finalNumber of LaTeX', () => {
  const boxed = (content: string) => finalNumber(String.raw`So 3 + 4, \boxed{${content}}. All 12 of them.`);

  it.each([
    ['$9{,}500', '9500'],
    [String.raw`\$9{,}500`, '9500'],
    [String.raw`9\,500`, '9500'],
    [String.raw`9,\!500`, '9500'],
    [String.raw`9\ 500`, '9500'],
    ['9~500', '9500'],
    ['9 500', '9500'],
    ['9\u202f500', '9500'],
    ['9\u2009500', '9500'],
    ["9'500", '9500'],
    ['9\\_500', '9500'],
    ['1{,}234{,}567.89', '1234567.89'],
    ['9{,}500.50', '9500.5'],
    ['9.500,50', '9500.5'],
    ['1,00,000', '100000'],
    ['9500.', '9500'],
    [String.raw`\text{9500}`, '9500'],
    [String.raw`18\text{ dollars}`, '18'],
    [String.raw`\text{18}\text{ dollars}`, '18'],
    [String.raw`18\ \text{km per 2 h}`, '18'],
    [String.raw`18\,\mathrm{m/s^2}`, '18'],
    [String.raw`18\text{ in}^2`, '18'],
    [String.raw`18\text{ cm}^{3}`, '18'],
    ['18 m^2', '18'],
    [String.raw`\text{The answer is } 18`, '18'],
    [String.raw`\mathbf{18}`, '18'],
    [String.raw`\textbf{\text{18}}`, '18'],
    [String.raw`\left(18\right)`, '18'],
    [String.raw`90^\circ`, '90'],
    [String.raw`90^{\circ}`, '90'],
    [String.raw`50\%`, '50'],
    ['x = 18', '18'],
    ['x=-5', '-5'],
    ['\u22125', '-5'],
    ['\uff0d5', '-5'],
    ['-$5', '-5'],
    [String.raw`-\$5`, '-5'],
    [String.raw`\frac{1}{2}`, '0.5'],
    [String.raw`-\dfrac{3}{4}`, '-0.75'],
    [String.raw`\tfrac{-3}{4}`, '-0.75'],
    [String.raw`1\frac{1}{2}`, '1.5'],
    [String.raw`\frac12`, '0.5'],
    [String.raw`\frac{2}{6}`, '1/3'],
    [String.raw`\frac{144}{2}`, '72'],
    ['3/4', '0.75'],
    ['1e3', '1000'],
    [String.raw`1.5 \times 10^{3}`, '1500'],
    [String.raw`2\cdot10^3`, '2000'],
  ])('%s -> %s', (content, number) => {
    expect(boxed(content)).toBe(number);
  });

  it.each([
    [String.raw`\boxed{5} or \boxed{{\$7}}`, '7'],
    [String.raw`\boxed 7`, '7'],
    [String.raw`\fbox{7} of 9`, '7'],
    [String.raw`\boxed{7`, '7'],
    [String.raw`\boxed{\text{none}}, 8`, '8'],
    ['The answer is $9{,}500$.', '9500'],
    ['The answer is 1e3.', '1000'],
    ['#### 1.5e3', '1500'],
    ['in 5e8ab, 12', '12'],
    ['9\u00a0500 in all', '9500'],
  ])('%s -> %s', (text, number) => {
    expect(finalNumber(text)).toBe(number);
  });
});

describe('long answers', () => {
  const long = 300_000;
  it.each([
    ['boxes without end', `${String.raw`\boxed{`.repeat(long / 10)}7`, '7'],
    ['boxes in boxes', `${String.raw`\boxed{\text{`.repeat(long / 10)}7${'}}'.repeat(long / 10)}`, '7'],
    ['zeros', `0.${'0'.repeat(long)}1`, `0.${'0'.repeat(long)}1`],
    ['digits', '9'.repeat(long), '9'.repeat(long)],
    ['spaces', `answer${' '.repeat(long)}is${' '.repeat(long)}7`, '7'],
    ['commas', '1,'.repeat(long), '1'],
  ])('are read soon: %s', (_, text, number) => {
    const start = performance.now();
    expect(finalNumber(text)).toBe(number);
    expect(optionLetter(text)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(4000);
  });
});

const gsm8k = dataPath('gsm8k', 'train.jsonl');

describe.skipIf(gsm8k === undefined)('GSM8K', () => {
  it('has a marked number in every answer, which is the final one', () => {
    const records = parseJsonLines(readFileSync(gsm8k as string, 'utf8'), 'train.jsonl');
    expect(records).toHaveLength(7473);
    for (const { where, columns } of records) {
      const number = markedNumber(columns['answer'] as string);
      expect(number, where).toMatch(/^-?\d+(\.\d+)?$/);
      expect(finalNumber(columns['answer'] as string), where).toBe(number);
    }
  });
});
