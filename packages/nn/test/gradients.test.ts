import type { Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { clipGradNorm, GradientAccumulator, globalNorm } from '../src/index.js';
import { useDevice } from './support/device.js';
import { expectClose, loadReference, pick } from './support/reference.js';

const gpu = useDevice();
const reference = loadReference('optimizers');

function firstGradients(): Map<string, Tensor> {
  return new Map(
    ['matrix', 'vector'].map((name) => {
      const { data, shape } = pick(reference, `gradients.${name}`);
      return [name, gpu.device.tensor(data.slice(0, data.length / 10), { shape: shape.slice(1) })];
    }),
  );
}

describe('clipGradNorm', () => {
  it.each(['0.5', '100'])('equals torch.nn.utils.clip_grad_norm_ at %s', async (limit) => {
    const { gradients, norm } = clipGradNorm(firstGradients(), Number(limit));
    await expectClose(norm, pick(reference, `clip.${limit}.norm`), 1e-6);
    for (const [name, gradient] of gradients) {
      await expectClose(gradient, pick(reference, `clip.${limit}.${name}`), 1e-6);
    }
  });

  it('measures 3, 4, 12 as 13, and takes it down to the limit', async () => {
    const given = new Map([
      ['a', gpu.device.tensor([3, 4])],
      ['b', gpu.device.tensor([[12]])],
    ]);
    expect(await globalNorm(given.values()).item()).toBeCloseTo(13, 5);
    const clipped = clipGradNorm(given, 1).gradients;
    expect(await globalNorm(clipped.values()).item()).toBeCloseTo(1, 5);
  });

  it('adds 1e-6 to the norm: a norm of 1e-6 at that limit is halved', async () => {
    const { gradients } = clipGradNorm(new Map([['a', gpu.device.tensor([1e-6])]]), 1e-6);
    expect((await gradients.get('a')?.item()) ?? 0).toBeCloseTo(5e-7, 10);
  });

  it('stays finite for gradients of zero', async () => {
    const { gradients } = clipGradNorm(new Map([['a', gpu.device.zeros([2])]]), 1);
    expect(await gradients.get('a')?.data()).toEqual(Float32Array.of(0, 0));
  });

  it('refuses an empty set', () => {
    expect(() => clipGradNorm(new Map(), 1)).toThrow('globalNorm: no gradients.');
  });
});

describe('GradientAccumulator', () => {
  it('gives the mean over micro-batches and starts again', async () => {
    const weight = gpu.device.variable(Float32Array.of(1, 1), { name: 'weight' });
    const accumulator = new GradientAccumulator(new Map([['weight', weight]]));
    const add = gpu.device.compile(({ gradient }: { gradient: Tensor }) => {
      accumulator.add(new Map([['weight', gradient]]));
      return {};
    });
    const take = gpu.device.compile(({ scale }: { scale: Tensor }) => ({
      mean: (accumulator.take(2).get('weight') as Tensor).mul(scale),
    }));
    const round = async (...gradients: number[][]): Promise<number[]> => {
      for (const gradient of gradients)
        add.run({ gradient: { data: Float32Array.from(gradient), shape: [2] } });
      const { mean } = take.run({ scale: { data: Float32Array.of(1), shape: [] } });
      return [...(await mean.data())];
    };
    expect(await round([1, 2], [3, 6])).toEqual([2, 4]);
    expect(await round([10, 0], [0, 10])).toEqual([5, 5]);
  });

  it('refuses a name that it does not know', () => {
    const weight = gpu.device.variable(Float32Array.of(1), { name: 'weight' });
    const accumulator = new GradientAccumulator(new Map([['weight', weight]]));
    expect(() => accumulator.add(new Map([['other', gpu.device.zeros([1])]]))).toThrow('other is not one of');
  });
});
