import { grad, HostRandom, type Tensor, type Variable } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  Attention,
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  MLP,
  type MLPKind,
  type Module,
  RMSNorm,
  RotaryEmbedding,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { expectClose, loadReference, pick, toTensor, toVariable, under } from './support/reference.js';

const gpu = useDevice();
const reference = loadReference('layers');
const random = new HostRandom(0);

/** Output, gradient of the input and of every parameter, against PyTorch. */
async function compare(name: string, module: Module, forward: (input: Tensor) => Tensor): Promise<void> {
  const values = under(reference, `${name}.`);
  const parameters = module.parameters();
  module.loadStateDict(new Map([...parameters.keys()].map((key) => [key, pick(values, key)])));
  const input = toVariable(gpu.device, pick(values, 'input'), 'input');
  const output = forward(input);
  await expectClose(output, pick(values, 'expected'));
  const leaves = new Map<string, Variable>([['input', input], ...parameters]);
  const loss = output.mul(toTensor(gpu.device, pick(values, 'upstream'))).sum();
  const gradients = grad(loss, [...leaves.values()]);
  for (const [position, key] of [...leaves.keys()].entries()) {
    await expectClose(gradients[position] as Tensor, pick(values, `gradient.${key}`));
  }
}

describe('layers against PyTorch', () => {
  it('Linear', async () => {
    const linear = new Linear(gpu.device, { inWidth: 5, outWidth: 4 }, random);
    await compare('linear', linear, (input) => linear.forward(input));
  });

  it('LayerNorm', async () => {
    const norm = new LayerNorm(gpu.device, { width: 7 });
    await compare('layerNorm', norm, (input) => norm.forward(input));
  });

  it('RMSNorm', async () => {
    const norm = new RMSNorm(gpu.device, { width: 7, eps: 1e-6 });
    await compare('rmsNorm', norm, (input) => norm.forward(input));
  });

  it.each<MLPKind>(['gelu', 'geluTanh', 'relu', 'swiglu'])('MLP %s', async (kind) => {
    const mlp = new MLP(gpu.device, { kind, width: 4, hiddenWidth: 6 }, random);
    await compare(`mlp.${kind}`, mlp, (input) => mlp.forward(input));
  });
});

describe('Attention', () => {
  it('is causal grouped-query attention with rotary positions as in PyTorch', async () => {
    const attention = new Attention(gpu.device, { width: 8, heads: 4, keyValueHeads: 2 }, random);
    const rotary = new RotaryEmbedding(gpu.device, { headWidth: 2, maxPositions: 1000 });
    const places = gpu.device.arange(4, 'i32');
    const mask = places.reshape([1, 1, 1, 4]).le(places.reshape([1, 1, 4, 1]));
    const rotation = rotary.rotation(toTensor(gpu.device, pick(reference, 'positions')));
    await compare('attention', attention, (input) => attention.forward(input, { mask, rotation }));
  });

  it('without a mask, does not depend on the order of the keys', async () => {
    const attention = new Attention(gpu.device, { width: 4, heads: 2 }, random);
    const input = gpu.device.tensor(
      Float32Array.from({ length: 12 }, (_, at) => Math.sin(at)),
      { shape: [1, 3, 4] },
    );
    const plain = attention.forward(input);
    const turned = attention.forward(input.flip(1)).flip(1);
    await expectClose(turned, { data: await plain.data(), shape: [1, 3, 4], dtype: 'f32' });
  });

  it('refuses heads that do not divide', () => {
    expect(() => new Attention(gpu.device, { width: 6, heads: 4 }, random)).toThrow(/headWidth/);
    expect(() => new Attention(gpu.device, { width: 8, heads: 4, keyValueHeads: 3 }, random)).toThrow(
      'heads (4) must be a multiple of keyValueHeads (3)',
    );
  });
});

describe('Embedding', () => {
  it('looks rows up, and gives zeros and no gradient for -1', async () => {
    const embedding = new Embedding(gpu.device, { count: 3, width: 2 }, random);
    embedding.weight.load(Float32Array.of(1, 2, 3, 4, 5, 6));
    const vectors = embedding.forward(gpu.device.tensor(Int32Array.of(2, -1, 0, 2)));
    expect(await vectors.toArray()).toEqual([
      [5, 6],
      [0, 0],
      [1, 2],
      [5, 6],
    ]);
    const [gradient] = grad(vectors.sum(), [embedding.weight]);
    expect(await gradient?.toArray()).toEqual([
      [1, 1],
      [0, 0],
      [2, 2],
    ]);
  });
});

describe('Dropout', () => {
  it('acts only with a key, keeps the mean, and depends on nothing but the key', async () => {
    const dropout = new Dropout(0.25);
    const input = gpu.device.ones([4000]);
    expect(dropout.forward(input, undefined)).toBe(input);
    const key = gpu.device.tensor(Uint32Array.of(1, 2));
    const values = (await dropout.forward(input, key).data()) as Float32Array;
    const zeros = values.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
    // Four standard deviations of a binomial with 4000 draws.
    expect(Math.abs(zeros - 1000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75));
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(await dropout.forward(input, key).data()).toEqual(values);
    expect(await dropout.forward(input, gpu.device.tensor(Uint32Array.of(1, 3))).data()).not.toEqual(values);
  });

  it('refuses a probability of 1', () => {
    expect(() => new Dropout(1)).toThrow('probability must lie in [0, 1)');
  });
});
