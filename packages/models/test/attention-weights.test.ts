// B = 1 sequence, T = 6 tokens, H heads, Hk key heads, K width of a head.
import type { Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  attentionOnlyConfig,
  causalMask,
  gpt2Config,
  llamaConfig,
  type Transformer,
  type TransformerConfig,
  transformerConfig,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel } from './support/models.js';
import { relativeError } from './support/reference.js';

const gpu = useDevice();
const TIME = 6;
// First values large enough for weights that differ clearly.
const initialization = { embedding: 0.5, input: 0.3, residual: 0.5 };
const size = { vocabularySize: 11, width: 16, layers: 3, heads: 4, maxPositions: 8, initialization };

const configs: Readonly<Record<string, TransformerConfig>> = {
  'learned positions': gpt2Config(size),
  'rotary positions, grouped heads': llamaConfig({ ...size, keyValueHeads: 2, mlpWidth: 24 }),
  'capped scores, one layer with a window': transformerConfig({
    ...llamaConfig({ ...size, keyValueHeads: 2, mlpWidth: 24 }),
    attentionSoftCap: 2,
    slidingWindow: { size: 2, layers: [1] },
  }),
};

const inputs = (): Parameters<Transformer['attentionWeights']>[0] => ({
  tokens: gpu.device.tensor(Int32Array.of(1, 5, 2, 9, 3, 3), { shape: [1, TIME] }),
  positions: gpu.device.arange(TIME, 'i32').reshape([1, TIME]),
  mask: causalMask(gpu.device, TIME),
});

/** What a layer's attention gives when its values are mixed by weights that are already known. */
function mixedBy(model: Transformer, layer: number, weights: Tensor, normed: Tensor): Tensor {
  const { heads, keyValueHeads, headWidth } = model.config;
  const block = model.blocks[layer] as Transformer['blocks'][number];
  const values = block.attention.queryKeyValue
    .forward(normed)
    .slice(2, (heads + keyValueHeads) * headWidth)
    .reshape([1, TIME, keyValueHeads, headWidth])
    .permute([0, 2, 1, 3]);
  const mixed = weights
    .reshape([1, keyValueHeads, heads / keyValueHeads, TIME, TIME])
    .matmul(values.unsqueeze(2))
    .reshape([1, heads, TIME, headWidth]);
  return block.attention.output.forward(mixed.permute([0, 2, 1, 3]).reshape([1, TIME, heads * headWidth]));
}

describe.each(Object.entries(configs))('attention weights, %s', (_, config) => {
  it('mix the values to what the attention of every layer gives', async () => {
    const model = createModel(gpu.device, config);
    const weights = model.attentionWeights(inputs());
    expect(weights.map(({ shape }) => shape)).toEqual(Array(3).fill([1, config.heads, TIME, TIME]));
    const context = model.context(inputs());
    let hidden = (model.embeddings[0] as { forward(ids: Tensor): Tensor }).forward(inputs().tokens as Tensor);
    if (model.positions !== undefined) hidden = hidden.add(model.positions.forward(inputs().positions));
    for (const [layer, block] of model.blocks.entries()) {
      const normed = block.attentionNorm.forward(hidden);
      const windowed = config.slidingWindow?.layers.includes(layer) ?? false;
      const mask = windowed ? context.windowedMask : context.mask;
      const expected = await block.attention.forward(normed, { ...context, mask }).data();
      const mixed = await mixedBy(model, layer, weights[layer] as Tensor, normed).data();
      expect(relativeError(mixed, expected), `layer ${layer}`).toBeLessThan(1e-5);
      hidden = block.forward(hidden, context);
    }
  });

  it('are shares of what each token may see', async () => {
    const model = createModel(gpu.device, config);
    for (const [layer, weights] of model.attentionWeights(inputs()).entries()) {
      const data = await weights.data();
      const reach = (config.slidingWindow?.layers.includes(layer) ?? false) ? 2 : TIME;
      for (let row = 0; row < config.heads * TIME; row++) {
        const query = row % TIME;
        const shares = [...data.subarray(row * TIME, (row + 1) * TIME)];
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
        shares.forEach((share, key) => {
          if (key > query || key <= query - reach) expect(share).toBe(0);
          else expect(share).toBeGreaterThan(0);
        });
      }
    }
  });
});

it('refuses a cache', () => {
  const model = createModel(gpu.device, attentionOnlyConfig(size));
  expect(() => model.attentionWeights({ ...inputs(), cache: {} as never })).toThrow('take no cache');
});
