import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Interval, layOut, liveBytes } from '../src/compile/memory.js';
import { type Device, HostRandom, openDevice, selfAttention, type Tensor } from '../src/index.js';
import { drawVariable } from './support/draw.js';

const ALIGNMENT = 256;

function randomIntervals(count: number, seed: number): Interval[] {
  const random = new HostRandom(seed);
  return Array.from({ length: count }, () => {
    const first = random.integer(count);
    return { bytes: ALIGNMENT * (1 + random.integer(40)), first, last: first + random.integer(6) };
  });
}

describe('the layout of working memory', () => {
  it('needs at least what is alive at once', () => {
    const intervals = [
      { bytes: 10, first: 0, last: 2 },
      { bytes: 20, first: 2, last: 3 },
      { bytes: 5, first: 3, last: 9 },
    ];
    // Both the first and the second are in use while kernel 2 runs.
    expect(liveBytes(intervals)).toBe(30);
    expect(liveBytes([])).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])(
    'puts nothing over what is in use, and is not much larger than it must be: %i',
    (seed) => {
      const intervals = randomIntervals(120, seed);
      const { slots, chunkBytes } = layOut(intervals, ALIGNMENT, 2 ** 30);
      intervals.forEach((a, at) => {
        intervals.slice(at + 1).forEach((b, behind) => {
          if (a.first > b.last || b.first > a.last) return;
          const [place, other] = [slots[at], slots[at + 1 + behind]] as [
            { offset: number },
            { offset: number },
          ];
          expect(place.offset + a.bytes <= other.offset || other.offset + b.bytes <= place.offset).toBe(true);
        });
      });
      expect(chunkBytes[0]).toBeLessThanOrEqual(1.15 * liveBytes(intervals));
    },
  );
});

describe('the working memory of a step', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it('is within a tenth of what is alive at once', async () => {
    const width = 48;
    const parameters = Array.from({ length: 4 }, (_, layer) => ({
      up: drawVariable(device, [width, 3 * width], 2 * layer),
      down: drawVariable(device, [width, width], 2 * layer + 1),
      scale: device.variable(device.ones([width])),
    }));
    const rows = drawVariable(device, [4, 32, width], 99);
    const step = device.compile(() => {
      const hidden = parameters.reduce<Tensor>((before, { up, down, scale }) => {
        const mixed = selfAttention(before.rmsNorm(scale, 1e-5).matmul(up), { queryHeads: 4, keyHeads: 4 });
        return before.add(mixed.matmul(down).relu());
      }, rows);
      hidden.square().mean().backward();
      for (const { up, down, scale } of parameters)
        for (const variable of [up, down, scale]) {
          variable.assign(variable.sub((variable.grad as Tensor).mul(0.1)));
          variable.grad = undefined;
        }
      return {};
    });
    const { arenaBytes, liveBytes: least } = await step.profile({});
    expect(least).toBeGreaterThan(0);
    expect(arenaBytes).toBeLessThanOrEqual(1.1 * least + 16 * ALIGNMENT);
  });
});
