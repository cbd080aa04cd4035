import { type Device, HostRandom, type Tensor } from '@foretoken/tensor';
import {
  attentionOnlyConfig,
  causalMask,
  gpt2Config,
  llamaConfig,
  Transformer,
  type TransformerConfig,
} from '../../src/index.js';

const size = { vocabularySize: 11, width: 16, layers: 2, maxPositions: 24 };

/** One small config of each style. Initial values are large enough for logits that differ clearly. */
export const smallConfigs: Readonly<
  Record<'gpt2' | 'llama' | 'gemma2' | 'attentionOnly', TransformerConfig>
> = {
  gpt2: gpt2Config({ ...size, heads: 2, initialization: { embedding: 0.5, input: 0.3, residual: 0.5 } }),
  llama: llamaConfig({
    ...size,
    heads: 4,
    keyValueHeads: 2,
    mlpWidth: 24,
    initialization: { embedding: 0.5, input: 0.3, residual: 0.5, output: 0.5 },
  }),
  // A window and caps that matter within a few tokens.
  gemma2: llamaConfig({
    ...size,
    layers: 3,
    heads: 4,
    keyValueHeads: 2,
    headWidth: 8,
    mlp: 'gegluTanh',
    mlpWidth: 24,
    tiedEmbeddings: true,
    embeddingScale: 4,
    normWeightOffset: 1,
    outputNorms: true,
    attentionScale: 0.5,
    attentionSoftCap: 1.5,
    logitSoftCap: 3,
    slidingWindow: { size: 4, layers: [0, 2] },
    initialization: { embedding: 0.5, input: 0.3, residual: 0.5 },
  }),
  attentionOnly: attentionOnlyConfig({ ...size, heads: 4 }),
};

export type Style = keyof typeof smallConfigs;
export const styles = Object.keys(smallConfigs) as Style[];

export const createModel = (device: Device, config: TransformerConfig, seed = 1): Transformer =>
  new Transformer(device, config, new HostRandom(seed));

/** Logits `[B, T, V]` of a whole causal pass over `tokens`. */
export function causalLogits(model: Transformer, tokens: readonly (readonly number[])[]): Tensor {
  const { device } = model;
  const [batch, time] = [tokens.length, tokens[0]?.length ?? 0];
  const hidden = model.trunk({
    tokens: device.tensor(Int32Array.from(tokens.flat()), { shape: [batch, time] }),
    positions: device.arange(time, 'i32').reshape([1, time]).expand([batch, time]),
    mask: causalMask(device, time),
  });
  return model.logits(hidden);
}
