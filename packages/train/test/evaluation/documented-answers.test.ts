import { readFileSync } from 'node:fs';
import { finalNumber, markedNumber, optionLetter } from '@foretoken/data';
import { describe, expect, it } from 'vitest';

const guide = readFileSync(new URL('../../../../docs/evaluation.md', import.meta.url), 'utf8');

/** Rows of the table below a heading: an answer in backticks, and what is read out of it. */
function rowsBelow(heading: string): [string, ...(string | undefined)[]][] {
  const section = guide.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line.split('|').map((cell) => /`(.*)`/.exec(cell)?.[1]?.replaceAll('\\n', '\n'));
      return cells.slice(1, -1) as [string, ...(string | undefined)[]];
    });
}

describe('the guide to evaluation', () => {
  it('says of awkward answers to GSM8K what is read', () => {
    const rows = rowsBelow('GSM8K');
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.map(([answer]) => [answer, markedNumber(answer), finalNumber(answer)])).toEqual(rows);
  });

  it('says of awkward answers to AQuA-RAT what is read', () => {
    const rows = rowsBelow('AQuA-RAT');
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.map(([answer]) => [answer, optionLetter(answer)])).toEqual(rows);
  });
});
