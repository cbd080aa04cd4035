import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { gridOffsets, layOutRegisters, layOutSequences, type Offset, wraps } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { walk } from './support/grid-oracle.js';
import { rowOf } from './support/rows.js';

/** Ids that tell their places apart. */
const imageOf = (cells: number, prompt: number) => ({
  tokens: Array.from({ length: prompt + cells }, (_, place) => 100 + place),
  prefix: prompt,
});

const pairsOf = (max: number): [number, number][] => {
  const pairs: [number, number][] = [];
  for (let down = 1; down <= max; down++) {
    for (let right = 1; right <= max; right++) if (down > 1 || right > 1) pairs.push([down, right]);
  }
  return pairs;
};

it("the specification's example: w = 4, d_max2D = 3", () => {
  const offsets = gridOffsets({ height: 4, width: 4 }, 3);
  const expected = { '1,2': 1, '1,3': 2, '2,1': 4, '2,2': 5, '2,3': 6, '3,1': 8, '3,2': 9, '3,3': 10 };
  expect(pairsOf(3).map(String)).toEqual(Object.keys(expected));
  expect(offsets.map(({ distance }) => distance)).toEqual(Object.values(expected));
  expect(offsets.map(({ name }) => name)).toEqual(
    Object.keys(expected).map((pair) => `offset${pair.replace(',', 'x')}`),
  );
  expect(offsets.map(({ columns }) => columns)).toEqual([1, 2, 0, 1, 2, 0, 1, 2]);
});

it.each([3, 4, 5])('d_max2D = %i has d_max2D^2 - 1 offsets', (max) => {
  expect(gridOffsets({ height: 16, width: 16 }, max)).toHaveLength(max * max - 1);
});

it('a token before the grid has no column, and so no border to its right', () => {
  const grid = { height: 4, width: 4 };
  const right = { index: 1, name: 'offset1x3', distance: 2, columns: 2 };
  expect([-1, 0, 1, 2, 3, 6, 7].map((cell) => wraps(right, cell, grid))).toEqual([
    false,
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
});

describe.each([
  [4, 4, 1],
  [7, 7, 1],
  [16, 16, 1],
  [3, 5, 3],
] as const)(
  'a grid of %i by %i behind a prompt of %i, against an oracle that walks',
  (height, width, prompt) => {
    const images = 60;
    const sequences = Array.from({ length: images }, () => imageOf(height * width, prompt));
    const batch = batchOf(sequences);
    const layout = layOutSequences(batch);

    it.each([
      { count: undefined, wrapped: 'keep', place: 'answer', max: 3 },
      { count: undefined, wrapped: 'mask', place: 'everywhere', max: 4 },
      { count: 5, wrapped: 'keep', place: 'everywhere', max: 5 },
      { count: 5, wrapped: 'mask', place: 'answer', max: 3 },
    ] as const)('offsets, targets and positions with %j', ({ count, wrapped, place, max }) => {
      const grid = { height, width };
      const found = layOutRegisters(
        batch,
        layout,
        {
          place,
          count,
          offsets: gridOffsets(grid, max),
          grid,
          wrappedTargets: wrapped,
          bidirectionalPrefix: false,
        },
        new HostRandom(11),
      );
      const pairs = pairsOf(max);
      const places = new Set<number>();
      const scored: boolean[] = [];
      expect(found.count).toBe(count ?? height * width + (place === 'everywhere' ? prompt - 1 : 0));
      for (let row = 0; row < images; row++) {
        const { index } = found.offsets[row] as Offset;
        const [down, right] = pairs[index] as [number, number];
        for (let register = 0; register < found.count; register++) {
          const at = row * found.count + register;
          const order = found.order[at] as number;
          places.add(order);
          const oracle = walk({ height, width, prompt, place: order, down, right, wrapped });
          expect(found.positions[at]).toBe(oracle.position);
          expect(found.targets[at]).toBe(oracle.target === undefined ? -100 : 100 + oracle.target);
          scored.push(oracle.target !== undefined);
        }
      }
      expect(new Set(found.offsets).size).toBeGreaterThan(6);
      // From the class token (or the first of the prompt) to the last cell but one.
      const first = place === 'everywhere' ? 0 : prompt - 1;
      expect(Math.min(...places)).toBe(first);
      expect(Math.max(...places)).toBeLessThan(prompt + height * width - 1);
      if (count === undefined) expect(places.size).toBe(found.count);
      expect(new Set(scored)).toEqual(new Set([true, false]));
    });
  },
);

describe('mutor with a grid', () => {
  const settings = { offsets: 'grid', grid: { height: 4, width: 4 }, maxOffset: 3 };
  const many = batchOf(Array.from({ length: 800 }, () => imageOf(16, 1)));

  it('draws (d_h, d_w) evenly, without (1, 1)', () => {
    const prepared = make('mutor', settings).prepare(many, new HostRandom(3));
    const counts = new Map<number, number>();
    for (let row = 0; row < 800; row++) {
      // The register behind the class token, place 0.
      const distance = (rowOf(prepared, 'registerTargets', row)[0] as number) - 100;
      counts.set(distance, (counts.get(distance) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 8, 9, 10]);
    // 100 expected, standard deviation 9.4.
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(40);
  });

  it('leaves the next-token targets and all inputs of the tokens alone', () => {
    const batch = batchOf([imageOf(16, 1)]);
    const plain = make('ntp').prepare(batch, new HostRandom(3));
    const withRegisters = make('mutor', { ...settings, registerCount: 4 }).prepare(batch, new HostRandom(3));
    for (const name of ['tokens', 'positions', 'order', 'segment']) {
      expect(rowOf(withRegisters, name, 0).slice(0, 17), name).toEqual(rowOf(plain, name, 0));
    }
    expect(withRegisters['targets']).toEqual(plain['targets']);
  });

  it('with a vector for each offset has one for each pair', () => {
    const each = make('mutor', { ...settings, vectorPerOffset: true });
    const prepared = each.prepare(many, new HostRandom(3));
    for (let row = 0; row < 800; row++) {
      const distance = (rowOf(prepared, 'registerTargets', row)[0] as number) - 100;
      const used = new Set(rowOf(prepared, 'registers', row).slice(17));
      expect(used).toEqual(new Set([[1, 2, 4, 5, 6, 8, 9, 10].indexOf(distance)]));
    }
  });

  it('chooses sparse places anew for each sequence and each draw', () => {
    const sparse = make('mutor', { ...settings, registerCount: 5, registers: 'everywhere' });
    const placesOf = (seed: number): string[] => {
      const prepared = sparse.prepare(many, new HostRandom(seed));
      return Array.from({ length: 50 }, (_, row) => String(rowOf(prepared, 'order', row).slice(17)));
    };
    expect(new Set(placesOf(1)).size).toBeGreaterThan(40);
    expect(placesOf(1)).toEqual(placesOf(1));
    expect(placesOf(1)).not.toEqual(placesOf(2));
  });

  it('refuses sequences that are not one such image', () => {
    const short = batchOf([imageOf(16, 1), imageOf(15, 1)]);
    expect(() => make('mutor', settings).prepare(short, new HostRandom(3))).toThrow(
      'sequence 1 has 15 tokens behind its prompt; a grid of 4 by 4 has 16.',
    );
  });

  it('costs as many positions as it has registers, whatever their offsets', () => {
    const size = { batch: 2, time: 17, prefix: 1 };
    const config = { registerCount: 5 };
    const flops = (chosen: Record<string, unknown>): number =>
      make('mutor', chosen).cost(smallConfigs.learned, size).flops;
    expect(flops({ ...settings, ...config })).toBe(flops(config));
    expect(flops(settings)).toBeGreaterThan(flops({ ...settings, ...config }));
  });
});
