export { AdamW, type AdamWConfig } from './adamw.js';
export { Attention, type AttentionCache, type AttentionConfig, type AttentionInputs } from './attention.js';
export { Dropout } from './dropout.js';
export { Embedding, type EmbeddingConfig } from './embedding.js';
export { ConfigError, SafetensorsError, StateDictError } from './errors.js';
export { clipGradNorm, GradientAccumulator, globalNorm } from './gradients.js';
export {
  constant,
  fans,
  type Initializer,
  type KaimingOptions,
  kaimingNormal,
  kaimingUniform,
  normal,
  ones,
  truncatedNormal,
  uniform,
  xavierNormal,
  xavierUniform,
  zeros,
} from './initializers.js';
export { Linear, type LinearAdapterConfig, type LinearConfig } from './linear.js';
export { LossScaler, type LossScalerConfig } from './loss-scaler.js';
export { LowRankAdapter, type LowRankAdapterConfig } from './low-rank-adapter.js';
export { isGated, MLP, MLP_KINDS, type MLPConfig, type MLPKind } from './mlp.js';
export { Module } from './module.js';
export { LayerNorm, type NormConfig, RMSNorm } from './normalization.js';
export { decayGroups, Optimizer, type ParameterGroup, type StepScalars, takeGradients } from './optimizer.js';
export { type PositionGrid, placeInGrid } from './position-grid.js';
export { type SinusoidalConfig, SinusoidalPositions, sinusoidalTable } from './positions.js';
export type { Precision } from './precision.js';
export {
  type RotaryConfig,
  RotaryEmbedding,
  type RotaryLayout,
  type Rotation,
  rotaryTables,
  rotate,
} from './rotary.js';
export type { RotaryScaling } from './rotary-scaling.js';
export {
  layOutSafetensors,
  readSafetensors,
  type SafetensorsContents,
  type SafetensorsDescription,
  type SafetensorsLayout,
  safetensorsPieces,
  writeSafetensors,
} from './safetensors.js';
export {
  type ByteReader,
  fetchSafetensorsHeader,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type SafetensorsSource,
} from './safetensors-header.js';
export {
  constantSchedule,
  cosineSchedule,
  type DecayConfig,
  linearSchedule,
  type Schedule,
  type ScheduleConfig,
  type WarmupStableDecayConfig,
  warmupStableDecaySchedule,
} from './schedules.js';
export { SGD, type SGDConfig } from './sgd.js';
export {
  type HostTensor,
  type LoadOptions,
  type LoadReport,
  loadInto,
  type StateDict,
  stateDictOf,
} from './state-dict.js';
export {
  FLOAT_BYTES,
  type FloatStorage,
  isFloatStorage,
  narrowFloats,
  widenFloats,
} from './stored-floats.js';
