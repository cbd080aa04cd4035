import { type TransformerConfig, type TransformerConfigInput, transformerConfig } from './config.js';

/** Fields that replace those of a preset. */
export type Overrides = Partial<TransformerConfigInput>;

/**
 * GPT-2 (Radford et al., 2019): learned positions, layer norm, tanh GELU, biases, tied output. The 124M model
 * unless overridden.
 */
export function gpt2Config(overrides: Overrides = {}): TransformerConfig {
  return transformerConfig({
    vocabularySize: 50257,
    width: 768,
    layers: 12,
    heads: 12,
    maxPositions: 1024,
    positions: 'learned',
    norm: 'layer',
    mlp: 'geluTanh',
    bias: true,
    tiedEmbeddings: true,
    initialization: { positions: 0.01 },
    ...overrides,
  });
}

/**
 * Llama (arXiv 2302.13971): rotary positions, RMS norm, SwiGLU, no biases, separate output; grouped-query heads
 * with `keyValueHeads`. A small one of 15M parameters unless overridden.
 */
export function llamaConfig(overrides: Overrides = {}): TransformerConfig {
  return transformerConfig({
    vocabularySize: 32000,
    width: 288,
    layers: 6,
    heads: 6,
    maxPositions: 1024,
    positions: 'rotary',
    norm: 'rms',
    mlp: 'swiglu',
    mlpWidth: 768,
    bias: false,
    tiedEmbeddings: false,
    initialization: { scaleResidual: false },
    ...overrides,
  });
}

/**
 * Blocks without MLP, for tasks that are all look-up: RMS norm, rotary positions, no biases, separate output, and
 * the initial values that the star-graph recipes need.
 */
export function attentionOnlyConfig(
  overrides: Overrides & Pick<TransformerConfigInput, 'vocabularySize'>,
): TransformerConfig {
  return transformerConfig({
    width: 64,
    layers: 5,
    heads: 4,
    maxPositions: 64,
    positions: 'rotary',
    norm: 'rms',
    mlp: 'none',
    bias: false,
    tiedEmbeddings: false,
    initialization: { embedding: 0.3, positions: 0.3, input: 'fanIn', residual: 'fanIn', output: 'fanIn' },
    ...overrides,
  });
}

/**
 * An autoregressive image transformer in the manner of LlamaGen (arXiv 2406.06525): a class token, then the codes of an
 * image row by row; rotary positions over the grid, RMS norm, SwiGLU, no biases, separate output that begins at 0. LlamaGen-B
 * for images of 16 x 16 tokens unless overridden. Classes are channel 1, the one behind the last is no class.
 */
export function imageGptConfig(overrides: Overrides = {}): TransformerConfig {
  const width = overrides.width ?? 768;
  return transformerConfig({
    vocabularySize: 16384,
    channelVocabularySizes: [1001],
    width,
    layers: 12,
    heads: 12,
    maxPositions: 257,
    positions: 'rotary2d',
    grid: { height: 16, width: 16, before: 1 },
    rotary: { layout: 'interleaved' },
    norm: 'rms',
    mlp: 'swiglu',
    // Two thirds of 4 * width, as a gated MLP has three matrices.
    mlpWidth: 32 * Math.ceil((8 * width) / 3 / 32),
    bias: false,
    tiedEmbeddings: false,
    initialization: { scaleResidual: false, output: 0 },
    ...overrides,
  });
}

/**
 * The trunk of a vision transformer (arXiv 2010.11929): learned positions, layer norm, exact GELU, biases. That of ViT-B/16
 * for images of 224 x 224 unless overridden: a class token, then 14 x 14 patches.
 */
export function vitConfig(overrides: Overrides = {}): TransformerConfig {
  return transformerConfig({
    vocabularySize: 1,
    width: 768,
    layers: 12,
    heads: 12,
    maxPositions: 197,
    grid: { height: 14, width: 14, before: 1 },
    positions: 'learned',
    norm: 'layer',
    normEps: 1e-6,
    mlp: 'gelu',
    bias: true,
    tiedEmbeddings: true,
    initialization: { scaleResidual: false },
    ...overrides,
  });
}
