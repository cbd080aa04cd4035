import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, type Device, openDevice, type Tensor } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('the working memory of a step', () => {
  it('is that of operations in the order in which they were written', async () => {
    const size = 256;
    const step = device.compile(({ x }: { x: Tensor }) => {
      // Each large tensor is used twice. Were the sum computed first, all of them would wait for the rest.
      const rest: Tensor[] = [];
      let sum = device.zeros([]);
      for (let at = 0; at < 12; at++) {
        const large = x.add(at).cumsum(1);
        sum = sum.add(large.max());
        rest.push(large.cumsum(0).max());
      }
      return { sum, rest };
    });
    const x = { data: new Float32Array(size * size).fill(1), shape: [size, size] };
    const { arenaBytes } = await step.profile({ x });
    expect(arenaBytes).toBeLessThan(6 * size * size * 4);
    const { sum, rest } = step.run({ x });
    expect(await sum.item()).toBe(12 * size + (size * 11 * 12) / 2);
    expect(await rest[11]?.item()).toBe(12 * size * size);
    step.dispose();
  });

  it('may be more than one binding can hold', async ({ skip }) => {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits as Record<string, number>;
    const limit = Math.min(maxStorageBufferBindingSize as number, maxBufferSize as number);
    skip(limit > 256 * 1024 * 1024, 'this adapter binds more than a test should use');
    const columns = Math.floor(limit / 4 / 3 / 1024);
    const step = device.compile(() => {
      const parts = [1, 2, 3, 4].map((value) => device.full([1024, columns], value).cumsum(0));
      return {
        last: parts
          .reduce((sum, part) => sum.add(part))
          .slice(0, 1023)
          .slice(1, 0, 1),
      };
    });
    expect(await step.run({}).last.toArray()).toEqual([[10 * 1024]]);
    step.dispose();
  });

  it('has room for the joining of more tensors than one kernel can bind', async () => {
    const parts = Array.from({ length: 60 }, (_, at) => device.tensor([at, 1]).cumsum(0));
    const joined = (await concat(parts, 0).data()) as Float32Array;
    expect([...joined]).toEqual(parts.flatMap((_, at) => [at, at + 1]));
  });
});
