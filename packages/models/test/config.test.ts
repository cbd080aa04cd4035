import { ConfigError } from '@foretoken/nn';
import { describe, expect, it } from 'vitest';
import {
  attentionOnlyConfig,
  blockFlops,
  forwardFlops,
  gpt2Config,
  llamaConfig,
  parameterCount,
  TRAINING_FACTOR,
  type TransformerConfigInput,
  transformerConfig,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel, smallConfigs, styles } from './support/models.js';

const gpu = useDevice();
const starGraph = attentionOnlyConfig({ vocabularySize: 14, channelVocabularySizes: [14], maxPositions: 16 });

describe('transformerConfig', () => {
  it('fills in defaults, and leaves a complete config as it is', () => {
    expect(starGraph).toMatchObject({
      keyValueHeads: 4,
      headWidth: 16,
      rotary: { base: 10000, layout: 'half' },
    });
    expect(transformerConfig(starGraph)).toEqual(starGraph);
  });

  it('lists everything that is wrong', () => {
    const wrong = { ...starGraph, width: 0, norm: 'batch', colour: 1 } as unknown as TransformerConfigInput;
    expect(() => transformerConfig(wrong)).toThrow(ConfigError);
    expect(() => transformerConfig(wrong)).toThrow('colour');
    expect(() => transformerConfig(wrong)).toThrow('at width');
    expect(() => transformerConfig(wrong)).toThrow('at norm');
  });

  it('takes biases all alike or by kind; RMS norms have none', () => {
    const all = { queryKeyValue: true, attentionOutput: true, mlp: true };
    expect(gpt2Config().bias).toEqual({ ...all, norm: true });
    expect(llamaConfig({ bias: true }).bias).toEqual({ ...all, norm: false });
  });

  it('gives a sliding window to all layers unless some are named, and refuses layers that there are not', () => {
    expect(llamaConfig({ layers: 2, slidingWindow: { size: 3 } }).slidingWindow?.layers).toEqual([0, 1]);
    expect(() => llamaConfig({ layers: 2, slidingWindow: { size: 3, layers: [2] } })).toThrow(
      'layer 2 does not exist: layers are 0 to 1',
    );
    expect(() => gpt2Config({ normWeightOffset: 1 })).toThrow('only RMS norms have a weight offset');
  });

  it('refuses sizes that do not fit together', () => {
    expect(() => gpt2Config({ width: 10, heads: 4 })).toThrow('width (10) must be a multiple of heads (4)');
    expect(() => llamaConfig({ keyValueHeads: 4 })).toThrow(
      'heads (6) must be a multiple of keyValueHeads (4)',
    );
    expect(() => llamaConfig({ width: 18 })).toThrow('rotary positions need an even headWidth, got 3');
  });
});

describe('cost', () => {
  it.each(styles)('counts the parameters of a %s model as the model itself does', (style) => {
    const model = createModel(gpu.device, smallConfigs[style]);
    expect(parameterCount(smallConfigs[style])).toBe(model.parameterCount());
    model.dispose();
  });

  it('knows the size of GPT-2', () => {
    expect(parameterCount(gpt2Config())).toBe(124_439_808);
  });

  it('gives the star-graph recipe 85k parameters and its published training FLOPs', () => {
    expect(parameterCount(starGraph)).toBe(84_992);
    // 6000 steps of 64 graphs of 13 positions.
    const flops = TRAINING_FACTOR * 6000 * forwardFlops(starGraph, { batch: 64, time: 13 });
    expect(flops / 1e12).toBeCloseTo(2.73, 2);
  });

  it('counts by hand: a block of width 2, one head, three tokens', () => {
    const tiny = llamaConfig({ vocabularySize: 5, width: 2, layers: 1, heads: 1, mlpWidth: 3 });
    // Per token: 4 attention weights of 2 x 2, 3 MLP weights of 2 x 3, scores and mixing of 3 keys of width 2.
    expect(blockFlops(tiny, { batch: 1, time: 3 })).toBe(2 * 3 * (16 + 18 + 12));
    expect(forwardFlops(tiny, { batch: 1, time: 3, logitRows: 1 })).toBe(2 * 3 * 46 + 2 * 10);
  });
});
