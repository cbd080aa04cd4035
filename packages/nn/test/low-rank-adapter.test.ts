import { HostRandom, randomKey } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { Linear } from '../src/index.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();

/** x = [1, 2], W = [[1, 0], [0, 1], [1, 1]], b = [10, 20, 30]: x Wᵀ + b = [11, 22, 33]. */
function layer(): Linear {
  const linear = new Linear(gpu.device, { inWidth: 2, outWidth: 3 });
  linear.weight.load(Float32Array.of(1, 0, 0, 1, 1, 1));
  linear.bias?.load(Float32Array.of(10, 20, 30));
  return linear;
}

const input = () => gpu.device.tensor(Float32Array.of(1, 2), { shape: [1, 2] });

describe('LowRankAdapter', () => {
  it('adds scale * x Aᵀ Bᵀ to a stretch of the outputs, worked by hand', async () => {
    const linear = layer();
    const adapter = linear.addAdapter('part', { rank: 1, scale: 2, start: 1, end: 3 });
    adapter.a.load(Float32Array.of(3, 0.5));
    adapter.b.load(Float32Array.of(5, -1));
    // x Aᵀ = 3 + 1 = 4; times Bᵀ = [20, -4]; times 2 = [40, -8].
    expect(await linear.forward(input()).toArray()).toEqual([[11, 62, 25]]);
    expect(await adapter.weightDelta().toArray()).toEqual([
      [0, 0],
      [30, 5],
      [-6, -1],
    ]);
    linear.dispose();
  });

  it('has the gradients that are worked by hand, and its frozen layer has none', async () => {
    const linear = layer();
    linear.weight.trainable = false;
    if (linear.bias !== undefined) linear.bias.trainable = false;
    const adapter = linear.addAdapter('part', { rank: 1, scale: 2, start: 1, end: 3 });
    adapter.a.load(Float32Array.of(3, 0.5));
    adapter.b.load(Float32Array.of(5, -1));
    linear
      .forward(input())
      .mul(gpu.device.tensor(Float32Array.of(7, 1, 2), { shape: [1, 3] }))
      .sum()
      .backward();
    // dB = scale * [1, 2] * (x Aᵀ) = 2 * 4 * [1, 2]; dA = scale * (1 * 5 + 2 * -1) * x = 6 x.
    expect(await adapter.b.grad?.toArray()).toEqual([[8], [16]]);
    expect(await adapter.a.grad?.toArray()).toEqual([[6, 12]]);
    expect([linear.weight.grad, linear.bias?.grad]).toEqual([undefined, undefined]);
    linear.dispose();
  });

  it('changes nothing at first, and is among the parameters', async () => {
    const linear = layer();
    const adapter = linear.addAdapter('whole', { rank: 2, scale: 1 }, new HostRandom(3));
    expect([...linear.parameters().keys()]).toEqual([
      'weight',
      'bias',
      'adapters.whole.a',
      'adapters.whole.b',
    ]);
    expect(await linear.forward(input()).toArray()).toEqual([[11, 22, 33]]);
    const a = await adapter.a.data();
    expect(a.every((value) => value !== 0 && Math.abs(value) <= 1 / Math.sqrt(2))).toBe(true);
    linear.dispose();
  });

  it('drops inputs by a key, and scales those that stay', async () => {
    const linear = new Linear(gpu.device, { inWidth: 4, outWidth: 4, bias: false });
    const adapter = linear.addAdapter('whole', { rank: 4, scale: 1, dropout: 0.5 });
    const identity = Float32Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 1 : 0));
    adapter.a.load(identity);
    adapter.b.load(identity);
    const ones = gpu.device.ones([64, 4]);
    expect(new Set(await linear.forward(ones).data())).toEqual(new Set([1]));
    const key = (step: number) => gpu.device.tensor(randomKey(1, step), { shape: [2] });
    const dropped = await linear.forward(ones, key(0)).data();
    expect(new Set(dropped)).toEqual(new Set([0, 2]));
    expect(await linear.forward(ones, key(0)).data()).toEqual(dropped);
    expect(await linear.forward(ones, key(1)).data()).not.toEqual(dropped);
    linear.dispose();
  });

  it('merges and unmerges, which compiled steps see, and gives the weight its bits back', async () => {
    const linear = layer();
    linear.weight.load(Float32Array.of(0.1, -0, 1e-40, 3.3, 1e8, 0.7));
    const before = new Uint32Array((await linear.weight.data()).buffer.slice(0));
    const step = gpu.device.compile(({ x }: { x: ReturnType<typeof input> }) => ({ y: linear.forward(x) }));
    const run = async () =>
      Array.from(await step.run({ x: { data: Float32Array.of(1, 2), shape: [1, 2] } }).y.data());
    const plain = await run();
    const adapter = linear.addAdapter('part', { rank: 1, scale: 2, start: 1, end: 3 });
    expect(await run()).toEqual(plain);
    adapter.a.load(Float32Array.of(3, 0.5));
    adapter.b.load(Float32Array.of(5, -1));
    const adapted = await run();
    expect(adapted[1]).toBeCloseTo((plain[1] as number) + 40, 4);
    linear.merge();
    linear.merge();
    expect(linear.merged).toBe(true);
    const merged = await run();
    for (const [at, value] of merged.entries()) expect(value / (adapted[at] as number)).toBeCloseTo(1, 6);
    linear.unmerge();
    expect(new Uint32Array((await linear.weight.data()).buffer.slice(0))).toEqual(before);
    expect(await run()).toEqual(adapted);
    linear.removeAdapters({ keep: true });
    expect(await run()).toEqual(merged);
    expect([...linear.parameters().keys()]).toEqual(['weight', 'bias']);
    step.dispose();
    linear.dispose();
  });

  it('rounds what both products read where the layer is f16', async () => {
    if (!gpu.device.features.has('shader-f16')) return;
    const random = new HostRandom(4);
    const wide = new Linear(gpu.device, { inWidth: 64, outWidth: 32 }, new HostRandom(1));
    const half = new Linear(gpu.device, { inWidth: 64, outWidth: 32, precision: 'f16' }, new HostRandom(1));
    const values = Float32Array.from({ length: 32 * 4 }, () => random.normal());
    for (const linear of [wide, half])
      linear.addAdapter('whole', { rank: 4, scale: 0.5 }, new HostRandom(2)).b.load(values);
    const given = gpu.device.tensor(
      Float32Array.from({ length: 64 }, () => random.normal()),
      {
        shape: [1, 64],
      },
    );
    const [exact, rounded] = [await wide.forward(given).data(), await half.forward(given).data()];
    half.merge();
    const merged = await half.forward(given).data();
    const largest = Math.max(...exact.map(Math.abs));
    for (const other of [rounded, merged]) {
      const far = Math.max(...other.map((value, at) => Math.abs(value - (exact[at] as number))));
      expect(far).toBeGreaterThan(0);
      expect(far).toBeLessThan(2e-3 * largest);
    }
    half.unmerge();
    half.forward(given).sum().backward();
    expect(half.adapters.get('whole')?.a.grad?.dtype).toBe('f32');
    wide.dispose();
    half.dispose();
  });

  it('refuses a stretch that is not in the layer, a name twice, and joining what is merged', () => {
    const linear = layer();
    expect(() => linear.addAdapter('x', { rank: 1, scale: 1, start: 1, end: 4 })).toThrow(
      'end must be a whole number from 2 to 3, got 4.',
    );
    linear.addAdapter('x', { rank: 1, scale: 1 });
    expect(() => linear.addAdapter('x', { rank: 1, scale: 1 })).toThrow(
      'there is an adapter called x already',
    );
    linear.merge();
    expect(() => linear.addAdapter('y', { rank: 1, scale: 1 })).toThrow('unmerge them first');
    linear.dispose();
  });
});
