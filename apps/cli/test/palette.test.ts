import { describe, expect, it } from 'vitest';
import { looksOf } from '../src/report/palette.js';

describe('the looks of a comparison', () => {
  const distinct = (names: readonly string[]): number =>
    new Set([...looksOf(names).values()].map(({ colour, shape }) => `${colour} ${shape}`)).size;

  it('differ for six, whatever they are called', () => {
    expect(distinct(['ntp', 'mtp', 'mutor-1d', 'mutor-2d', 'mutor-2d-30'])).toBe(5);
    expect(distinct(['a', 'b', 'c', 'd', 'e', 'f'])).toBe(6);
    expect(distinct(['ntp', 'mtp', 'teacherless', 'mutor', 'a', 'b'])).toBe(6);
  });

  it('are the same for objectives that ship, whoever is beside them', () => {
    const alone = looksOf(['mutor']).get('mutor');
    expect(looksOf(['x', 'ntp', 'mutor', 'y']).get('mutor')).toEqual(alone);
  });
});
