export { CheckpointError } from './errors.js';
export type { ConfigSettings, TrainingSettings } from './hub-config.js';
export {
  type CheckpointOrigin,
  type LoadCheckpointOptions,
  type LoadedCheckpoint,
  loadCheckpoint,
} from './load.js';
export {
  type CheckpointContents,
  checkpointContents,
  type SaveCheckpointOptions,
  type SavedDType,
  type SavedTensor,
} from './save.js';
export type { CheckpointSource, StoredTensor } from './source.js';
