import { HostRandom } from '@foretoken/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IGNORE, ObjectiveBatchError, type SequenceBatch } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make } from './support/context.js';
import { readSequence, rowOf, sees } from './support/rows.js';

const random = new HostRandom(0);
const _ = IGNORE;

/** x1..x5 of which two are the prompt, and a shorter sequence. */
const example = batchOf([
  { tokens: [1, 2, 3, 4, 5], prefix: 2 },
  { tokens: [6, 7, 8], prefix: 1 },
]);

describe('next token', () => {
  it('lays out tokens, positions and targets, and pads', () => {
    const prepared = make('ntp').prepare(example, random);
    expect(Object.fromEntries(Object.keys(prepared).map((name) => [name, rowOf(prepared, name, 1)]))).toEqual(
      {
        tokens: [6, 7, 8, -1, -1],
        positions: [0, 1, 2, 0, 0],
        order: [0, 1, 2, 3, 4],
        segment: [0, 0, 0, -1, -1],
        targets: [7, 8, _, _, _],
      },
    );
    expect(rowOf(prepared, 'targets', 0)).toEqual([_, 3, 4, 5, _]);
    expect(prepared.tokens?.shape).toEqual([2, 5]);
  });

  it('scores the prompt as well when asked to, but never one that is read in both directions', () => {
    const all = make('ntp', { lossOn: 'all' }).prepare(example, random);
    expect(rowOf(all, 'targets', 0)).toEqual([2, 3, 4, 5, _]);
    const both = make('ntp', { lossOn: 'all', bidirectionalPrefix: true }).prepare(example, random);
    expect(rowOf(both, 'targets', 0)).toEqual([_, 3, 4, 5, _]);
    expect(rowOf(both, 'prefix', 0)).toEqual([1, 1, 0, 0, 0]);
  });

  it('never crosses documents; positions begin anew in each', () => {
    const packed = batchOf([{ tokens: [1, 2, 3, 4, 5, 6], documents: [7, 7, 7, 3, 3, 9] }]);
    const prepared = make('ntp').prepare(packed, random);
    expect(rowOf(prepared, 'targets', 0)).toEqual([2, 3, _, 5, _, _]);
    expect(rowOf(prepared, 'positions', 0)).toEqual([0, 1, 2, 0, 1, 0]);
    expect(rowOf(prepared, 'segment', 0)).toEqual([0, 0, 0, 1, 1, 2]);
  });

  it('takes targets from channel 0, or from the batch', () => {
    const tokens = [
      [1, 2],
      [3, 4],
    ];
    const channels = make('ntp').prepare(batchOf([{ tokens }]), random);
    expect(channels.tokens?.shape).toEqual([1, 2, 2]);
    expect(rowOf(channels, 'targets', 0)).toEqual([3, _]);
    const named = make('ntp').prepare(batchOf([{ tokens, targets: [0, 9] }]), random);
    expect(rowOf(named, 'targets', 0)).toEqual([9, _]);
  });
});

describe('multi-token heads', () => {
  it('head k predicts the token k ahead, from the last token of the prompt on', () => {
    const prepared = make('mtp', { heads: 3 }).prepare(example, random);
    expect([1, 2, 3].map((head) => rowOf(prepared, `targets${head}`, 0))).toEqual([
      [_, 3, 4, 5, _],
      [_, 4, 5, _, _],
      [_, 5, _, _, _],
    ]);
    expect(rowOf(prepared, 'targets2', 1)).toEqual([8, _, _, _, _]);
  });

  it('scores the prompt as well when asked to, never across documents', () => {
    const packed = batchOf([{ tokens: [1, 2, 3, 4, 5, 6], prefix: 2, documents: [0, 0, 0, 0, 1, 1] }]);
    const prepared = make('mtp', { heads: 2, lossOn: 'all' }).prepare(packed, random);
    expect(rowOf(prepared, 'targets2', 0)).toEqual([3, 4, _, _, _, _]);
  });

  it('lays out no heads without weight', () => {
    expect(make('mtp', { weight: 0 }).prepare(example, random)).not.toHaveProperty('targets2');
  });

  it('targets equal a naive shift for all sequences, prompts and documents', () => {
    const sequence = fc.record({
      tokens: fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }),
      prefix: fc.nat(3),
      split: fc.nat(8),
    });
    fc.assert(
      fc.property(
        sequence,
        fc.constantFrom('answer', 'all'),
        fc.boolean(),
        (drawn, lossOn, bidirectionalPrefix) => {
          const { tokens } = drawn;
          const prefix = Math.min(drawn.prefix, tokens.length);
          const documents = tokens.map((__, index) => (index < Math.max(drawn.split, prefix) ? 0 : 1));
          const objective = make('mtp', { heads: 4, lossOn, bidirectionalPrefix });
          const prepared = objective.prepare(batchOf([{ tokens, prefix, documents }]), random);
          for (let head = 1; head <= 4; head++) {
            const expected = tokens.map((__, index) => {
              const target = index + head;
              if (documents[index] !== documents[target]) return _;
              if (lossOn === 'answer' && index < prefix - 1) return _;
              if ((lossOn === 'answer' || bidirectionalPrefix) && target < prefix) return _;
              return tokens[target];
            });
            expect(rowOf(prepared, `targets${head}`, 0)).toEqual(expected);
          }
        },
      ),
    );
  });
});

describe('teacherless', () => {
  it('replaces the inputs of the answer by blanks, and keeps the targets', () => {
    const prepared = make('teacherless').prepare(example, random);
    expect(rowOf(prepared, 'tokens', 0)).toEqual([1, 2, -1, -1, -1]);
    expect(rowOf(prepared, 'blanks', 0)).toEqual([-1, -1, 0, 0, 0]);
    expect(rowOf(prepared, 'targets', 0)).toEqual([_, 3, 4, 5, _]);
    expect(rowOf(prepared, 'blanks', 1)).toEqual([-1, 0, 0, -1, -1]);
  });

  it('mixed with next token reads every sequence twice', () => {
    const prepared = make('teacherless', { weight: 0.5 }).prepare(example, random);
    expect(prepared.tokens?.shape).toEqual([4, 5]);
    expect([0, 1, 2, 3].map((row) => rowOf(prepared, 'tokens', row))).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7, 8, -1, -1],
      [1, 2, -1, -1, -1],
      [6, -1, -1, -1, -1],
    ]);
    expect(prepared.targets?.shape).toEqual([2, 5]);
    expect(rowOf(prepared, 'segment', 3)).toEqual([0, 0, 0, -1, -1]);
  });

  it('leaves the batch as it was', () => {
    const before = example.tokens.slice();
    make('teacherless', { weight: 0.5 }).prepare(example, random);
    expect(example.tokens).toEqual(before);
  });

  it('answers in parallel: one blank less than the answer has tokens, behind each prompt', () => {
    const { decoding } = make('teacherless');
    if (decoding.kind !== 'parallel')
      throw new Error('Teacherless training alone should decode in parallel.');
    const prompts = batchOf([
      { tokens: [1, 2, 3], prefix: 3 },
      { tokens: [4], prefix: 1 },
    ]);
    const prepared = decoding.prepare(prompts, 3);
    expect(rowOf(prepared, 'tokens', 0)).toEqual([1, 2, 3, -1, -1]);
    expect(rowOf(prepared, 'tokens', 1)).toEqual([4, -1, -1, -1, -1]);
    expect(rowOf(prepared, 'blanks', 1)).toEqual([-1, 0, 0, -1, -1]);
    expect(rowOf(prepared, 'segment', 1)).toEqual([0, 0, 0, -1, -1]);
    expect([0, 1].map((row) => rowOf(prepared, 'answerRows', row))).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(prepared).not.toHaveProperty('targets');
  });

  it('says which batches it cannot be applied to', () => {
    const objective = make('teacherless');
    expect(() => objective.prepare(batchOf([{ tokens: [1, 2] }]), random)).toThrow(
      'teacherless: sequence 0 has no prompt; expected prefixLengths[0] of 1 or more.',
    );
    const packed = batchOf([{ tokens: [1, 2, 3], prefix: 1, documents: [0, 0, 1] }]);
    expect(() => objective.prepare(packed, random)).toThrow('sequence 0 holds several documents');
    const { decoding } = objective;
    if (decoding.kind !== 'parallel')
      throw new Error('Teacherless training alone should decode in parallel.');
    expect(() => decoding.prepare(example, 3)).toThrow('sequence 0 must be a prompt alone');
    const prompts = batchOf([{ tokens: [1], prefix: 1 }]);
    expect(() => decoding.prepare(prompts, 0)).toThrow('answerLength must be a positive integer, got 0');
  });
});

describe('every objective', () => {
  const objectives = ['ntp', 'mtp', 'teacherless', 'mutor'];
  const broken: [string, Partial<SequenceBatch>, string][] = [
    ['tokens', { tokens: new Int32Array(9) }, 'expected tokens [2, 5, 1] of 10 values, got 9'],
    ['lengths', { lengths: Int32Array.of(5, 6) }, 'lengths[1] must lie in 0..5 (time), got 6'],
    [
      'prompts',
      { prefixLengths: Int32Array.of(1, 4) },
      'prefixLengths[1] must lie in 0..3 (its length), got 4',
    ],
    ['targets', { targets: new Int32Array(3) }, 'expected targets [2, 5] of 10 values, got 3'],
    ['documents', { documents: new Int32Array(3) }, 'expected documents [2, 5] of 10 values, got 3'],
  ];
  for (const name of objectives) {
    it.each(broken)(`${name} refuses malformed %s`, (_name, change, message) => {
      const prepare = (): unknown => make(name).prepare({ ...example, ...change }, random);
      expect(prepare).toThrow(ObjectiveBatchError);
      expect(prepare).toThrow(`${name}: ${message}`);
    });
  }

  it.each(objectives)(
    '%s gives arrays that fill their shapes, and leaves every token something to see',
    (name) => {
      const prepared = make(name, { bidirectionalPrefix: true }).prepare(example, random);
      for (const { data, shape } of Object.values(prepared)) {
        expect(data).toBeInstanceOf(Int32Array);
        expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
      }
      if (name === 'mtp') return;
      const rows = readSequence(prepared, 1);
      for (const query of rows) expect(rows.some((key) => sees(query, key))).toBe(true);
    },
  );
});
