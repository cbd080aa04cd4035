import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { optionLetter, parseJsonLines } from '../../src/index.js';
import { dataPath } from '../support/data-folder.js';

describe('optionLetter', () => {
  it.each([
    ['The answer is C.', 'C'],
    ['The answer is (c).', 'C'],
    ['The answer is c) 600', 'C'],
    ['The answer is option B', 'B'],
    ['Answer: D', 'D'],
    ['answer : E', 'E'],
    ['Correct answer - A', 'A'],
    ['The correct option is **B**.', 'B'],
    ['The correct answer choice is (E)', 'E'],
    ['The answer is $B$', 'B'],
    ['The answer is not A. The answer is B.', 'B'],
    ['C', 'C'],
    ['(c)', 'C'],
    ['C) 600', 'C'],
    [' b. ', 'B'],
    ['Speed = 540 / 60 = 9, so it is 32400.\nTherefore, A', 'A'],
    ['540 miles, hence (b), as 9 is too few', 'B'],
    // The English word, and letters that are names.
    ['The answer is a train of 5 cars', undefined],
    ['A train leaves at 5', undefined],
    ['Let A be the speed of the train', undefined],
    ["It is Bob's", undefined],
    ['The answer is F', undefined],
    ['600', undefined],
    ['', undefined],
  ])('%j -> %s', (text, letter) => {
    expect(optionLetter(text)).toBe(letter);
  });
});

const aqua = dataPath('aqua-rat', 'dev.jsonl');

describe.skipIf(aqua === undefined)('AQuA-RAT', () => {
  it('reads the stated letter of every problem behind its rationale', () => {
    for (const { where, columns } of parseJsonLines(readFileSync(aqua as string, 'utf8'), 'dev.jsonl')) {
      const answer = `${columns['rationale']}\nThe answer is ${columns['correct']}.`;
      expect(optionLetter(answer), where).toBe(columns['correct']);
    }
  });
});
