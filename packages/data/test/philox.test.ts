import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyedHash, PhiloxRandom, philox4x32, TaskUsageError } from '../src/index.js';
import { chiSquare } from './chi-square.js';

function block(counter: number[], key: number[]): string[] {
  const output = new Uint32Array(4);
  philox4x32(Uint32Array.from(counter), Uint32Array.from(key), output);
  return Array.from(output, (word) => word.toString(16).padStart(8, '0'));
}

const draw = (random: PhiloxRandom, count: number) => Array.from({ length: count }, () => random.uint32());
const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('philox4x32', () => {
  // Known answers that the authors publish with their Random123 library (kat_vectors, philox4x32 10).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      ['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd'],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      ['d16cfe09', '94fdcceb', '5001e420', '24126ea1'],
    ],
  ])('gives the published words for counter %j and key %j', (counter, key, words) => {
    expect(block(counter, key)).toEqual(words);
  });

  it('agrees with the same rounds in exact integers', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        let [x0, x1, x2, x3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
        let [k0, k1] = key.map(BigInt) as [bigint, bigint];
        const low = 0xffffffffn;
        for (let round = 0; round < 10; round++) {
          const first = 0xd2511f53n * x0;
          const second = 0xcd9e8d57n * x2;
          [x0, x1, x2, x3] = [(second >> 32n) ^ x1 ^ k0, second & low, (first >> 32n) ^ x3 ^ k1, first & low];
          k0 = (k0 + 0x9e3779b9n) & low;
          k1 = (k1 + 0xbb67ae85n) & low;
        }
        expect(block(counter, key)).toEqual([x0, x1, x2, x3].map((x) => x.toString(16).padStart(8, '0')));
      }),
    );
  });
});

describe('PhiloxRandom', () => {
  it('continues from a saved state with the same bits', () => {
    fc.assert(
      fc.property(seeds, fc.nat(), fc.nat(40), (seed, index, drawn) => {
        const random = new PhiloxRandom(seed, { domain: 2, index });
        draw(random, drawn);
        const restored = PhiloxRandom.restore(JSON.parse(JSON.stringify(random.state())));
        expect(draw(restored, 9)).toEqual(draw(random, 9));
        expect(restored.state()).toEqual(random.state());
      }),
    );
  });

  it('gives other words for another seed, domain or index, beyond 32 bits too', () => {
    const addresses = [
      new PhiloxRandom(1, { domain: 0, index: 0 }),
      new PhiloxRandom(1 + 2 ** 32, { domain: 0, index: 0 }),
      new PhiloxRandom(1, { domain: 1, index: 0 }),
      new PhiloxRandom(1, { domain: 0, index: 1 }),
      new PhiloxRandom(1, { domain: 0, index: 2 ** 32 }),
    ];
    expect(new Set(addresses.map((random) => draw(random, 4).join())).size).toBe(addresses.length);
  });

  it('draws integers evenly where the bound does not divide 2^32', () => {
    const random = new PhiloxRandom(11);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 14_000; i++) {
      const value = random.integer(7);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    // 6 degrees of freedom: 22.46 is passed once in a thousand.
    expect(chiSquare(counts)).toBeLessThan(22.46);
  });

  it('rejects the words that would favour small integers', () => {
    // Three quarters of all words lie below this bound, so that without rejection 0..2^30-1 would come
    // twice as often.
    const bound = 3 * 2 ** 30;
    const random = new PhiloxRandom(5);
    const low = Array.from({ length: 6_000 }, () => random.integer(bound)).filter((value) => value < 2 ** 30);
    expect(low.length).toBeGreaterThan(1_850);
    expect(low.length).toBeLessThan(2_150);
  });

  it('chooses different integers, every ordered pair equally often', () => {
    const random = new PhiloxRandom(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const [a, b] = random.sampleWithoutReplacement(4, 2);
      expect(a).not.toBe(b);
      counts.set(`${a},${b}`, (counts.get(`${a},${b}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    // 11 degrees of freedom: 31.26 is passed once in a thousand.
    expect(chiSquare([...counts.values()])).toBeLessThan(31.26);
  });

  it.each([
    [() => new PhiloxRandom(-1), 'PhiloxRandom: seed: expected an integer from 0 to 2^53 - 1, got -1.'],
    [() => new PhiloxRandom(0, { domain: 1.5, index: 0 }), 'expected a domain from 0 to 2^32 - 1, got 1.5'],
    [() => new PhiloxRandom(0).integer(0), 'expected a bound from 1 to 2^32, got 0'],
    [() => new PhiloxRandom(0).sampleWithoutReplacement(3, 4), 'cannot choose 4 different integers out of 3'],
    [() => PhiloxRandom.restore({ seed: 0, domain: 0, index: 0, drawn: -1 }), 'count of words, got -1'],
  ])('refuses what it cannot do: %s', (call, message) => {
    expect(call).toThrow(TaskUsageError);
    expect(call).toThrow(message);
  });
});

describe('keyedHash', () => {
  it('depends on every word, its place and the key', () => {
    const hashes = [
      keyedHash([1, 2, 3], 0),
      keyedHash([1, 3, 2], 0),
      keyedHash([1, 2, 4], 0),
      keyedHash([1, 2], 0),
      keyedHash([1, 2, 3, 0], 0),
      keyedHash([1, 2, 3], 1),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(keyedHash([1, 2, 3], 0)).toBe(hashes[0]);
  });
});
