import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import type { SequenceBatch } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make } from './support/context.js';

/** A batch of one shape whose answers are as long as these. */
function batchWith(answers: readonly number[], answerTime: number): SequenceBatch {
  const time = 10;
  const rows = answers.map((answer) => ({ tokens: Array.from({ length: 3 + answer }, () => 1), prefix: 3 }));
  const padded = { tokens: Array.from({ length: time }, () => 1), prefix: 3 };
  const { lengths, ...batch } = batchOf([padded, ...rows]);
  const shorter = Int32Array.from(lengths, (length, row) => (row === 0 ? 4 : length));
  return { ...batch, lengths: shorter, answerTime };
}

const shapes = (batch: SequenceBatch, settings: Record<string, unknown> = {}): unknown =>
  Object.fromEntries(
    Object.entries(make('mutor', settings).prepare(batch, new HostRandom(1))).map(([name, { shape }]) => [
      name,
      shape,
    ]),
  );

describe('answerTime', () => {
  it('gives batches of one time registers of one shape, however long their answers are', () => {
    const expected = shapes(batchWith([7, 2], 7));
    expect(shapes(batchWith([1, 2], 7))).toEqual(expected);
    expect(expected).toMatchObject({ tokens: [3, 17], registerTargets: [3, 7] });
  });

  it('leaves no room for more registers than are asked for, or than there are places', () => {
    expect(shapes(batchWith([1, 2], 7), { registerCount: 2 })).toMatchObject({ registerTargets: [3, 2] });
    expect(shapes(batchWith([1, 2], 10))).toMatchObject({ registerTargets: [3, 9] });
    expect(shapes(batchWith([1, 2], 7), { registers: 'everywhere' })).toMatchObject({
      registerTargets: [3, 9],
    });
  });

  it('changes no target', () => {
    const { answerTime: _, ...without } = batchWith([1, 2], 7);
    const targets = (batch: SequenceBatch): number[] => {
      const { registerTargets } = make('mutor', {}).prepare(batch, new HostRandom(1));
      return [...(registerTargets?.data ?? [])].filter((target) => target >= 0);
    };
    expect(targets(batchWith([1, 2], 7))).toEqual(targets(without));
  });

  it('is refused where it cannot be', () => {
    expect(() => shapes(batchWith([1], 11))).toThrow(/answerTime must lie in 0..10/);
  });
});
