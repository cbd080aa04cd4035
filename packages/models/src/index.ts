export { Block, type BlockInputs } from './block.js';
export { type CachePass, type CacheSize, KeyValueCache } from './cache.js';
export {
  type CheckpointContents,
  CheckpointError,
  type CheckpointOrigin,
  type CheckpointSource,
  type ConfigSettings,
  checkpointContents,
  type LoadCheckpointOptions,
  type LoadClassifierOptions,
  type LoadedCheckpoint,
  type LoadedClassifier,
  type LoadProgress,
  loadCheckpoint,
  loadImageClassifier,
  type SavableModel,
  type SaveCheckpointOptions,
  type SavedDType,
  type SavedTensor,
  type StoredTensor,
  type TrainingSettings,
} from './checkpoint/index.js';
export { COMPANION_FILES } from './checkpoint/layout.js';
export {
  type TransformerConfig,
  type TransformerConfigInput,
  transformerConfig,
  transformerConfigSchema,
} from './config.js';
export {
  blockFlops,
  blockParameterCount,
  forwardFlops,
  logitsFlops,
  type PassSize,
  parameterCount,
  TRAINING_FACTOR,
} from './cost.js';
export { generate, type OneOffOptions, streamTokens } from './generate.js';
export type { GenerateOptions } from './generate-options.js';
export { GenerationError } from './generation-error.js';
export type { Guidance } from './guidance.js';
export {
  type ImageShape,
  type ImageTokenizerConfig,
  type ImageTokenizerConfigInput,
  imageTokenizerConfig,
  tokenGrid,
} from './image-tokens/config.js';
export { ImageCoder } from './image-tokens/image-coder.js';
export { imagePatches } from './image-tokens/image-patches.js';
export type { ImageTokenizer } from './image-tokens/image-tokenizer.js';
export { type KMeansOptions, type KMeansRound, kMeans } from './image-tokens/k-means.js';
export { type NearestCode, nearestCode } from './image-tokens/nearest-code.js';
export { PatchCodebook } from './image-tokens/patch-codebook.js';
export { patchPixels } from './image-tokens/patch-pixels.js';
export { type TrainVqOptions, trainVqAutoencoder, type VqReport } from './image-tokens/train-vq.js';
export { type CodeUsage, codeUsage } from './image-tokens/usage.js';
export { VqAutoencoder, type VqLosses, type VqPass } from './image-tokens/vq-autoencoder.js';
export {
  type AdaptedSite,
  type AdapterContents,
  adapterContents,
  addLora,
  type LinearSite,
  Lora,
  type LoraConfig,
  type LoraConfigInput,
  loadAdapters,
  loraConfig,
  loraConfigSchema,
  loraSettings,
  type SaveAdaptersOptions,
} from './lora/index.js';
export {
  causalMask,
  paddingMask,
  prefixMask,
  type TokenMetadata,
  type VisibleOptions,
  visible,
  windowMask,
} from './masks.js';
export {
  attentionOnlyConfig,
  gpt2Config,
  imageGptConfig,
  llamaConfig,
  type Overrides,
  vitConfig,
} from './presets.js';
export type { Prompt } from './prompt-layout.js';
export { argmax, type SamplingOptions, sampleToken, tokenProbabilities } from './sampling.js';
export { type Verdict, verifyGreedy, verifySampled } from './speculation/acceptance.js';
export type { AddedPlaces, Drafter, DraftPass } from './speculation/drafter.js';
export { SpeculativeGenerator, type SpeculativeGeneratorConfig } from './speculation/generator.js';
export type { OffsetReport, SpeculationReport } from './speculation/report.js';
export { type GeneratedTokens, TokenGenerator, type TokenGeneratorConfig } from './token-generator.js';
export { Transformer, type TrunkInputs } from './transformer.js';
export { ImageClassifier, type ImagePassOptions } from './vision/classifier.js';
export {
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
  imageClassifierConfigSchema,
  patchGrid,
  tokensInFront,
} from './vision/config.js';
export { classifierFlops, classifierParameterCount, patchCount } from './vision/cost.js';
export { patchVectors } from './vision/patches.js';
