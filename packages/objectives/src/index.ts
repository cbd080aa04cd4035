export { Classify, classify } from './classify.js';
export { headDrafter } from './drafting/head-drafter.js';
export { type RegisterDrafting, registerDrafter } from './drafting/register-drafter.js';
export { ObjectiveBatchError, ObjectiveConfigError } from './errors.js';
export { checkImageBatch, type ImageBatch } from './image-batch.js';
export {
  countInputs,
  countTargets,
  crossEntropies,
  input,
  int32,
  meanCrossEntropy,
  meanOfScored,
  meanOver,
  trunkArrays,
  trunkInputs,
} from './inputs.js';
export { type Grid, gridOffsets, type Offset, sequenceOffsets, wraps } from './layout/offsets.js';
export {
  layOutRegisters,
  type RegisterLayout,
  type RegisterPlan,
} from './layout/registers.js';
export { layOutSequences, type SequenceLayout } from './layout/sequences.js';
export { IGNORE, type LossScope, shiftedTargets } from './layout/targets.js';
export { MultiToken, multiToken } from './multi-token.js';
export { Mutor, mutor } from './mutor.js';
export { NextToken, nextToken } from './next-token.js';
export type {
  AutoregressiveDecoding,
  Decoding,
  LearningObjective,
  LossInputs,
  LossShares,
  Objective,
  ObjectiveCost,
  ObjectiveLoss,
  OffsetLosses,
  OffsetPass,
  ParallelDecoding,
  PreparedBatch,
  TargetCounts,
} from './objective.js';
export {
  defineObjective,
  type ObjectiveContext,
  type ObjectiveDescription,
  type ObjectiveKind,
} from './objective-kind.js';
export {
  allObjectives,
  createFrom,
  createObjective,
  describeSettings,
  findObjective,
  imageObjectiveKinds,
  type ObjectiveSettings,
  objectiveKinds,
  resolveSettings,
  type SettingDescription,
} from './registry.js';
export { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
export { commonSettings } from './settings.js';
export { Teacherless, teacherless } from './teacherless.js';
