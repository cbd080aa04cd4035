import { HostRandom } from '@foretoken/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, type ExampleSequence } from './support/batches.js';
import { make } from './support/context.js';
import { officialLayout } from './support/official-layout.js';
import { interleaved, type LaidOut, readSequence, rowOf, sees } from './support/rows.js';

const random = (): HostRandom => new HostRandom(3);

/** MuToR with this one offset, laid out for one sequence, in the paper's order. */
function layOut(
  sequence: ExampleSequence,
  offset: number,
  settings: Record<string, unknown> = {},
): LaidOut[] {
  const objective = make('mutor', { minOffset: offset, maxOffset: offset, ...settings });
  return interleaved(readSequence(objective.prepare(batchOf([sequence]), random()), 0));
}

const maskText = (rows: readonly LaidOut[]): string[] =>
  rows.map((query) => rows.map((key) => (sees(query, key) ? '1' : '0')).join(' '));

const positionsOf = (rows: readonly LaidOut[]): number[] => rows.map(({ position }) => position);
const targetsOf = (rows: readonly LaidOut[]): (number | '-')[] =>
  rows.map(({ target }) => (target === -100 ? '-' : target));

describe('the worked example: x1..x6, of which x1 and x2 are the question', () => {
  const example = { tokens: [1, 2, 3, 4, 5, 6], prefix: 2 };

  it('has a register behind each token that predicts one of the answer', () => {
    const kinds = layOut(example, 1).map(({ slot, tokens }) => (slot > 0 ? 'r' : tokens[0]));
    expect(kinds).toEqual([1, 2, 'r', 3, 'r', 4, 'r', 5, 'r', 6]);
  });

  it('offset 1: registers stand where their tokens stand and predict the next token', () => {
    const rows = layOut(example, 1);
    expect(positionsOf(rows)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
    expect(targetsOf(rows)).toEqual(['-', 3, 3, 4, 4, 5, 5, 6, 6, '-']);
  });

  it('offset 3: the last two registers have no target, the last one is kept at the last position', () => {
    const rows = layOut(example, 3);
    expect(positionsOf(rows)).toEqual([0, 1, 3, 2, 4, 3, 5, 4, 5, 5]);
    expect(targetsOf(rows)).toEqual(['-', 3, 5, 4, 6, 5, '-', 6, '-', '-']);
  });

  it.each([1, 3])('offset %i: the mask with a bidirectional prefix', (offset) => {
    expect(maskText(layOut(example, offset, { bidirectionalPrefix: true }))).toEqual([
      '1 1 0 0 0 0 0 0 0 0',
      '1 1 0 0 0 0 0 0 0 0',
      '1 1 1 0 0 0 0 0 0 0',
      '1 1 0 1 0 0 0 0 0 0',
      '1 1 0 1 1 0 0 0 0 0',
      '1 1 0 1 0 1 0 0 0 0',
      '1 1 0 1 0 1 1 0 0 0',
      '1 1 0 1 0 1 0 1 0 0',
      '1 1 0 1 0 1 0 1 1 0',
      '1 1 0 1 0 1 0 1 0 1',
    ]);
  });

  it('with a causal prefix only the first row of the mask changes', () => {
    const [first, ...others] = maskText(layOut(example, 2));
    const [, ...bidirectional] = maskText(layOut(example, 2, { bidirectionalPrefix: true }));
    expect(first).toBe('1 0 0 0 0 0 0 0 0 0');
    expect(others).toEqual(bidirectional);
  });

  it('keeps registers behind the tokens in memory, apart from the vocabulary', () => {
    const rows = readSequence(make('mutor').prepare(batchOf([example]), random()), 0);
    expect(rows.map(({ slot }) => slot)).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    expect(rows.map(({ tokens }) => tokens[0])).toEqual([1, 2, 3, 4, 5, 6, -1, -1, -1, -1]);
    expect(rows.map(({ register }) => register)).toEqual([-1, -1, -1, -1, -1, -1, 0, 0, 0, 0]);
  });
});

describe('against the published preprocessing', () => {
  const sequence = fc
    .record({
      tokens: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 }),
      prefix: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ tokens, prefix }) => ({ tokens, prefix: Math.min(prefix, tokens.length) }));

  it('gives the same tokens, positions, targets and mask, whatever else is in the batch', () => {
    fc.assert(
      fc.property(
        fc.array(sequence, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 11 }),
        fc.boolean(),
        (sequences, offset, bidirectionalPrefix) => {
          const objective = make('mutor', { minOffset: offset, maxOffset: offset, bidirectionalPrefix });
          const prepared = objective.prepare(batchOf(sequences), random());
          sequences.forEach(({ tokens, prefix }, row) => {
            const rows = interleaved(readSequence(prepared, row));
            const oracle = officialLayout(tokens, prefix, offset, bidirectionalPrefix);
            expect(rows.map(({ slot, tokens: [id] }) => (slot > 0 ? 'r' : id))).toEqual(oracle.kinds);
            expect(positionsOf(rows)).toEqual(oracle.positions);
            expect(rows.map(({ target }) => target)).toEqual(oracle.targets);
            expect(rows.map((query) => rows.map((key) => sees(query, key)))).toEqual(oracle.mask);
          });
        },
      ),
    );
  });

  it('pretraining form, without a question: a register behind every token but the last', () => {
    const kinds = layOut({ tokens: [1, 2, 3, 4, 5, 6] }, 2).map(({ slot, tokens }) =>
      slot > 0 ? 'r' : tokens[0],
    );
    expect(kinds).toEqual([1, 'r', 2, 'r', 3, 'r', 4, 'r', 5, 'r', 6]);
  });
});

describe('places', () => {
  it('everywhere: registers within the question predict it too', () => {
    const rows = layOut({ tokens: [1, 2, 3, 4], prefix: 3 }, 1, { registers: 'everywhere' });
    expect(rows.map(({ slot, tokens }) => (slot > 0 ? 'r' : tokens[0]))).toEqual([1, 'r', 2, 'r', 3, 'r', 4]);
    expect(targetsOf(rows)).toEqual(['-', 2, '-', 3, 4, 4, '-']);
  });

  it('everywhere: no register predicts a question that is read in both directions', () => {
    const rows = layOut({ tokens: [1, 2, 3, 4], prefix: 3 }, 2, {
      registers: 'everywhere',
      bidirectionalPrefix: true,
    });
    expect(targetsOf(rows.filter(({ slot }) => slot > 0))).toEqual(['-', 4, '-']);
  });

  it('a random subset: so many registers, in rising order, at other places for other draws', () => {
    const objective = make('mutor', { registers: 'everywhere', registerCount: 3 });
    const sequences = Array.from({ length: 50 }, () => ({ tokens: [1, 2, 3, 4, 5, 6, 7, 8] }));
    const prepared = objective.prepare(batchOf(sequences), random());
    const seen = sequences.map((_, row) => {
      const places = readSequence(prepared, row).flatMap(({ slot, order }) => (slot > 0 ? [order] : []));
      expect(places).toHaveLength(3);
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      return places;
    });
    expect(new Set(seen.map(String)).size).toBeGreaterThan(10);
    expect(new Set(seen.flat())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });

  it('sequences with fewer places than others end with unused registers, which see no token', () => {
    const objective = make('mutor', { maxOffset: 1 });
    const prepared = objective.prepare(
      batchOf([
        { tokens: [1, 2, 3, 4], prefix: 1 },
        { tokens: [5, 6], prefix: 1 },
      ]),
      random(),
    );
    const rows = readSequence(prepared, 1);
    expect(rows.map(({ segment }) => segment)).toEqual([0, 0, -1, -1, 0, -1, -1]);
    expect(rows.map(({ register }) => register)).toEqual([-1, -1, -1, -1, 0, -1, -1]);
    expect(rows.map(({ target }) => target)).toEqual([6, -100, -100, -100, 6, -100, -100]);
    expect(rows.filter((key) => sees(rows[5] as LaidOut, key)).every(({ segment }) => segment === -1)).toBe(
      true,
    );
  });

  it('always leaves one register, so that inputs keep their shape where no place is free', () => {
    const prepared = make('mutor').prepare(batchOf([{ tokens: [1, 2], prefix: 2 }]), random());
    expect(prepared.registerTargets).toEqual({ data: Int32Array.of(-100), shape: [1, 1] });
  });
});

describe('offsets', () => {
  const many = Array.from({ length: 300 }, () => ({ tokens: [1, 2, 3, 4, 5, 6, 7, 8], prefix: 1 }));
  /** Offset of each sequence, from the first register: it follows token 0, and token t is t + 1. */
  const offsetsOf = (settings: Record<string, unknown>): number[] => {
    const prepared = make('mutor', settings).prepare(batchOf(many), random());
    return many.map((_, row) => (rowOf(prepared, 'registerTargets', row)[0] as number) - 1);
  };

  it('are drawn evenly between the bounds, one for each sequence', () => {
    const offsets = offsetsOf({ minOffset: 2, maxOffset: 4 });
    const counts = [1, 2, 3, 4, 5].map((offset) => offsets.filter((each) => each === offset).length);
    expect(counts[0]).toBe(0);
    expect(counts[4]).toBe(0);
    // 100 expected, standard deviation 8.2.
    for (const count of counts.slice(1, 4)) expect(Math.abs(count - 100)).toBeLessThan(35);
  });

  it('choose the row of the table when each has a vector of its own', () => {
    const settings = { minOffset: 2, maxOffset: 4, vectorPerOffset: true };
    const offsets = offsetsOf(settings);
    const prepared = make('mutor', settings).prepare(batchOf(many), random());
    offsets.forEach((offset, row) => {
      const registers = rowOf(prepared, 'registers', row).slice(8);
      expect(new Set(registers)).toEqual(new Set([offset - 2]));
    });
  });

  it('change positions, targets and nothing else', () => {
    const batch = batchOf(many.slice(0, 3));
    const [near, far] = [1, 3].map((offset) =>
      make('mutor', { minOffset: offset, maxOffset: offset }).prepare(batch, random()),
    );
    const changed = Object.keys(near ?? {}).filter(
      (name) => String(near?.[name]?.data) !== String(far?.[name]?.data),
    );
    expect(changed.sort()).toEqual(['positions', 'registerTargets']);
  });

  it('are a function of the random numbers given', () => {
    const objective = make('mutor');
    expect(objective.prepare(batchOf(many), new HostRandom(5))).toEqual(
      objective.prepare(batchOf(many), new HostRandom(5)),
    );
    expect(objective.prepare(batchOf(many), new HostRandom(5))).not.toEqual(
      objective.prepare(batchOf(many), new HostRandom(6)),
    );
  });
});

describe('documents', () => {
  const packed = fc
    .record({
      sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      offset: fc.integer({ min: 1, max: 6 }),
    })
    .map(({ sizes, offset }) => ({
      offset,
      documents: sizes.flatMap((size, number) => Array<number>(size).fill(10 + number)),
      sizes,
    }));

  it('packed into one sequence are laid out as each alone', () => {
    fc.assert(
      fc.property(packed, ({ sizes, offset, documents }) => {
        const tokens = documents.map((_, index) => index);
        const objective = make('mutor', { minOffset: offset, maxOffset: offset });
        const rows = interleaved(
          readSequence(objective.prepare(batchOf([{ tokens, documents }]), random()), 0),
        );
        let begin = 0;
        const alone = sizes.flatMap((size, segment) => {
          const own = officialLayout(tokens.slice(begin, begin + size), 0, offset, false);
          begin += size;
          return own.kinds.map((kind, at) => ({
            kind,
            segment,
            position: own.positions[at],
            target: own.targets[at],
          }));
        });
        expect(
          rows.map(({ slot, tokens: [id], segment, position, target }) => ({
            kind: slot > 0 ? 'r' : id,
            segment,
            position,
            target,
          })),
        ).toEqual(alone);
        for (const query of rows) {
          for (const key of rows) if (query.segment !== key.segment) expect(sees(query, key)).toBe(false);
        }
      }),
    );
  });
});

it('lays out positions of several channels', () => {
  const batch = batchOf([
    {
      tokens: [
        [1, 2],
        [3, -1],
        [4, -1],
      ],
      prefix: 1,
      targets: [-1, 3, 4],
    },
  ]);
  const rows = readSequence(make('mutor', { maxOffset: 1 }).prepare(batch, random()), 0);
  expect(rows.map(({ tokens }) => tokens)).toEqual([
    [1, 2],
    [3, -1],
    [4, -1],
    [-1, -1],
    [-1, -1],
  ]);
  expect(rows.map(({ target }) => target)).toEqual([3, 4, -100, 3, 4]);
});
