export { Block, type BlockInputs } from './block.js';
export { type CachePass, type CacheSize, KeyValueCache } from './cache.js';
export { type TransformerConfig, type TransformerConfigInput, transformerConfig } from './config.js';
export {
  blockFlops,
  blockParameterCount,
  forwardFlops,
  logitsFlops,
  parameterCount,
  type PassSize,
  TRAINING_FACTOR,
} from './cost.js';
export {
  generate,
  type GeneratedTokens,
  type GenerateOptions,
  type OneOffOptions,
  type Prompt,
  streamTokens,
  TokenGenerator,
  type TokenGeneratorConfig,
} from './generate.js';
export { causalMask, paddingMask, prefixMask, type TokenMetadata, visible, type VisibleOptions } from './masks.js';
export { attentionOnlyConfig, gpt2Config, llamaConfig, type Overrides } from './presets.js';
export { argmax, sampleToken, type SamplingOptions } from './sampling.js';
export { Transformer, type TrunkInputs } from './transformer.js';
