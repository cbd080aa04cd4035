import { ConfigError } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { type KMeansOptions, type KMeansRound, kMeans, nearestCode } from '../../src/index.js';
import { useDevice } from '../support/device.js';

const gpu = useDevice();

/** Vectors of a few tight heaps around corners of a grid. */
function heaps(perHeap: number, centres: readonly (readonly number[])[], spread = 0.05): Float32Array {
  const random = new HostRandom(5);
  return Float32Array.from(
    Array.from({ length: perHeap }, () =>
      centres.flatMap((centre) => centre.map((value) => value + spread * random.normal())),
    ).flat(),
  );
}

async function run(
  vectors: Float32Array,
  width: number,
  options: KMeansOptions,
): Promise<{ codes: Float32Array; rounds: KMeansRound[] }> {
  const rounds: KMeansRound[] = [];
  const found = kMeans(gpu.device, vectors, width, options);
  for (;;) {
    const { done, value } = await found.next();
    if (done) return { codes: value, rounds };
    rounds.push(value);
  }
}

/** The same rounds in plain double precision. */
function lloyd(vectors: Float32Array, width: number, start: Float32Array, rounds: number): number[] {
  let codes = Array.from(start);
  const count = codes.length / width;
  for (let round = 0; round < rounds; round++) {
    const sums = codes.map(() => 0);
    const members = Array(count).fill(0) as number[];
    for (let vector = 0; vector < vectors.length; vector += width) {
      const distances = members.map((_, code) =>
        codes
          .slice(code * width, (code + 1) * width)
          .reduce((sum, value, at) => sum + (value - (vectors[vector + at] as number)) ** 2, 0),
      );
      const nearest = distances.indexOf(Math.min(...distances));
      members[nearest] = (members[nearest] as number) + 1;
      for (let at = 0; at < width; at++) {
        sums[nearest * width + at] =
          (sums[nearest * width + at] as number) + (vectors[vector + at] as number);
      }
    }
    codes = sums.map((sum, at) => sum / (members[Math.floor(at / width)] as number));
  }
  return codes;
}

const centres = [
  [0, 0],
  [4, 0],
  [0, 4],
  [4, 4],
  [2, 9],
];

describe('kMeans', () => {
  it.each(['k-means++', 'random'] as const)('finds heaps that lie apart, begun by %s', async (start) => {
    const vectors = heaps(40, centres);
    const { codes, rounds } = await run(vectors, 2, { codes: 5, start, seed: 3 });
    const found = Array.from(
      { length: 5 },
      (_, code) => [codes[2 * code], codes[2 * code + 1]] as [number, number],
    );
    if (start === 'k-means++') {
      for (const [x, y] of centres as [number, number][]) {
        expect(Math.min(...found.map(([a, b]) => Math.hypot(a - x, b - y)))).toBeLessThan(0.1);
      }
    }
    const errors = rounds.map(({ meanSquaredDistance }) => meanSquaredDistance);
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
  });

  it('moves codes as Lloyd does, also over several chunks', async () => {
    const random = new HostRandom(8);
    const vectors = Float32Array.from({ length: 3 * 9001 }, () => random.normal());
    const begin = await run(vectors, 3, { codes: 6, iterations: 0, start: 'random', seed: 2 });
    const { codes } = await run(vectors, 3, {
      codes: 6,
      iterations: 4,
      tolerance: 0,
      start: 'random',
      seed: 2,
    });
    lloyd(vectors, 3, begin.codes, 4).forEach((expected, at) => {
      expect(Math.abs((codes[at] as number) - expected)).toBeLessThan(1e-3);
    });
  });

  it('moves dead codes to the furthest vectors', async () => {
    // Two codes begin at equal vectors: ties go to the first, so that the second is dead.
    const vectors = Float32Array.from([...Array(30).fill([0, 0]).flat(), 5, 5, 9, 9] as number[]);
    const seed = await seedThatBeginsAtZeros(vectors);
    const { codes, rounds } = await run(vectors, 2, { codes: 3, start: 'random', seed });
    expect(rounds[0]?.deadCodes).toBe(2);
    expect(rounds.at(-1)).toMatchObject({ deadCodes: 0, meanSquaredDistance: 0 });
    expect([...codes].sort((a, b) => a - b)).toEqual([0, 0, 5, 5, 9, 9]);
  });

  /** A seed whose random start is three zeros. */
  async function seedThatBeginsAtZeros(vectors: Float32Array): Promise<number> {
    for (let seed = 0; ; seed++) {
      const { codes } = await run(vectors, 2, { codes: 3, iterations: 0, start: 'random', seed });
      if (codes.every((value) => value === 0)) return seed;
    }
  }

  it('gives the same codes for the same seed, to the last bit', async () => {
    const random = new HostRandom(8);
    const vectors = Float32Array.from({ length: 4 * 500 }, () => random.normal());
    const first = await run(vectors, 4, { codes: 16, seed: 1 });
    const again = await run(vectors, 4, { codes: 16, seed: 1 });
    const other = await run(vectors, 4, { codes: 16, seed: 2 });
    expect(again).toEqual(first);
    expect(other.codes).not.toEqual(first.codes);
  });

  it('refuses fewer vectors than codes', async () => {
    await expect(run(new Float32Array(8), 4, { codes: 3 })).rejects.toThrow(ConfigError);
  });
});

it('the nearest code is the first of the nearest, with its squared distance', async () => {
  const codes = gpu.device.tensor([
    [0, 0],
    [1, 0],
    [1, 0],
    [0, 3],
  ]);
  const vectors = gpu.device.tensor([
    [0.9, 0],
    [0, 2],
    [0.5, 0],
  ]);
  const { index, squaredDistance } = nearestCode(vectors, codes);
  expect(Array.from(await index.data())).toEqual([1, 3, 0]);
  const distances = Array.from(await squaredDistance.data());
  [0.01, 1, 0.25].forEach((expected, at) => {
    expect(distances[at]).toBeCloseTo(expected, 5);
  });
});
