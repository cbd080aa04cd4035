export { RecipeError, RunFolderError, TrainingError } from './errors.js';
export { type Evaluation, Evaluator } from './evaluate.js';
export type {
  CheckpointEvent,
  DoneEvent,
  EvaluationEvent,
  MetricsEvent,
  RunRecord,
  RunSummary,
  StartEvent,
  TrainEvent,
} from './events.js';
export { toJson, writeAtomic } from './files.js';
export { inFlight } from './in-flight.js';
export { nearest } from './nearest.js';
export { overrideRecipe, settingKeys } from './overrides.js';
export { objectiveNames, parseRecipe, type Recipe } from './recipe.js';
export { findRecipe, recipes } from './recipes.js';
export { type Checkpoint, type Progress, RunFolder } from './run-folder.js';
export { Session } from './session.js';
export { type TrainOptions, train } from './train.js';
export { fileTuningStore } from './tuning-store.js';
