export { CheckpointError } from './errors.js';
export type { ConfigSettings, TrainingSettings } from './hub-config.js';
export {
  type LoadClassifierOptions,
  type LoadedClassifier,
  loadImageClassifier,
} from './image-classifiers.js';
export {
  type CheckpointOrigin,
  type LoadCheckpointOptions,
  type LoadedCheckpoint,
  type LoadProgress,
  loadCheckpoint,
} from './load.js';
export {
  type CheckpointContents,
  checkpointContents,
  type SavableModel,
  type SaveCheckpointOptions,
  type SavedDType,
  type SavedTensor,
} from './save.js';
export type { CheckpointSource, StoredTensor } from './source.js';
