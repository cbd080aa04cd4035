import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, bucketTimes } from '../../src/text/buckets.js';
import { epochLength, epochOrder } from '../../src/text/epoch-order.js';

describe('bucketTimes', () => {
  it.each([
    [4, 512, [128, 256, 384, 512]],
    [3, 100, [34, 67, 100]],
    [1, 512, [512]],
    [8, 4, [1, 2, 3, 4]],
    [[512, 64, 128, 64], 512, [64, 128, 512]],
  ])('%j up to %i', (buckets, maxTime, times) => {
    expect(bucketTimes(buckets, maxTime)).toEqual(times);
  });

  it('bucketOf gives the shortest that holds a length', () => {
    expect([1, 64, 65, 128, 129, 512].map((length) => bucketOf(length, [64, 128, 512]))).toEqual([
      0, 0, 1, 1, 2, 2,
    ]);
  });
});

const orders = fc.record({
  buckets: fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }),
  group: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(1000),
  epoch: fc.nat(50),
});

describe('epochOrder', () => {
  it('holds every example, and fewer than a group of them twice', () => {
    fc.assert(
      fc.property(orders, ({ buckets, group, seed, epoch }) => {
        const order = epochOrder({ buckets, bucketCount: 4, group, shuffle: { seed, epoch } });
        expect(order).toHaveLength(epochLength(buckets.length, group));
        expect(new Set(order).size).toBe(buckets.length);
        expect(order.length - buckets.length).toBeLessThan(group);
      }),
    );
  });

  it('mixes buckets in no more groups than there are borders between buckets', () => {
    fc.assert(
      fc.property(orders, ({ buckets, group, seed, epoch }) => {
        const order = Array.from(epochOrder({ buckets, bucketCount: 4, group, shuffle: { seed, epoch } }));
        let mixed = 0;
        for (let start = 0; start < order.length; start += group) {
          const inGroup = new Set(order.slice(start, start + group).map((example) => buckets[example]));
          if (inGroup.size > 1) mixed++;
        }
        // The last group may also be filled up from elsewhere.
        expect(mixed).toBeLessThanOrEqual(4);
      }),
    );
  });

  it('is the same for the same seed and epoch, and another for others', () => {
    const buckets = Array.from({ length: 40 }, (_, at) => at % 2);
    const of = (seed: number, epoch: number) =>
      epochOrder({ buckets, bucketCount: 2, group: 4, shuffle: { seed, epoch } });
    expect(of(1, 0)).toEqual(of(1, 0));
    expect(of(1, 0)).not.toEqual(of(1, 1));
    expect(of(1, 0)).not.toEqual(of(2, 0));
  });

  it('is the order that stored runs were trained in', () => {
    const buckets = [0, 1, 0, 1, 0, 1, 2, 0, 1, 0];
    const of = (epoch: number) =>
      Array.from(epochOrder({ buckets, bucketCount: 3, group: 3, shuffle: { seed: 7, epoch } }));
    expect([of(0), of(1)]).toEqual([
      [9, 7, 3, 6, 4, 2, 1, 5, 8, 4, 2, 0],
      [2, 4, 0, 3, 8, 1, 7, 9, 5, 6, 2, 4],
    ]);
  });

  it('keeps the order within buckets without a shuffle', () => {
    expect(Array.from(epochOrder({ buckets: [1, 0, 1, 0, 0], bucketCount: 2, group: 2 }))).toEqual([
      1, 3, 4, 0, 2, 0,
    ]);
  });
});
