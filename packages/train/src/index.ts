export { RecipeError, RunFolderError, TrainingError } from './errors.js';
export { type Evaluation, Evaluator } from './evaluate.js';
export { type ChoiceQuestion, type ChosenOption, chooseOptions } from './evaluation/choices.js';
export { EvaluationError } from './evaluation/errors.js';
export {
  type Difference,
  difference,
  type Estimate,
  type EvaluatedUnit,
  estimate,
  type Figure,
  type ResamplingOptions,
  type Share,
} from './evaluation/figures.js';
export {
  type EncodeDocumentOptions,
  type EncodedDocument,
  encodeDocument,
  evaluatePerplexity,
  type Perplexity,
  type PerplexityOptions,
  perplexityFigures,
  perplexityUnits,
  type ScoredText,
} from './evaluation/perplexity.js';
export { type QuestionTaskOptions, questionTask } from './evaluation/question-task.js';
export {
  type AnsweredQuestion,
  type AnswerOptions,
  answerQuestions,
  questionFigures,
  questionUnits,
} from './evaluation/questions.js';
export {
  type EvaluationProgress,
  type ScoredSequence,
  type ScoringOptions,
  scoreTokens,
} from './evaluation/token-scorer.js';
export { type DocumentWindow, type WindowOptions, windowsOf } from './evaluation/windows.js';
export type {
  CheckpointEvent,
  DoneEvent,
  EvaluationEvent,
  FailureEvent,
  MetricsEvent,
  RunRecord,
  RunSummary,
  StartEvent,
  TrainEvent,
} from './events.js';
export { toJson, writeAtomic } from './files.js';
export { readImageTokenFiles, readImageTokens, writeImageTokens } from './image-token-file.js';
export { inFlight } from './in-flight.js';
export { fullWeights, type ModelTuning } from './model-tuning.js';
export { nearest } from './nearest.js';
export { overrideRecipe, settingKeys } from './overrides.js';
export { objectiveNames, parseRecipe, type Recipe } from './recipe.js';
export { findOrLoadRecipe, isRecipeFile, loadRecipe } from './recipe-file.js';
export { findRecipe, recipes } from './recipes.js';
export { type BestEvaluation, type Checkpoint, type Progress, RunFolder } from './run-folder.js';
export { Session, type StepCost } from './session.js';
export type { MetricsSink } from './sink.js';
export { findTaskKind, type LoadedTask, type TaskKind, taskKinds } from './task-kinds.js';
export { TensorBoardSink } from './tensorboard.js';
export { type TrainOptions, train } from './train.js';
export { fileTuningStore } from './tuning-store.js';
export { type LossSettings, ValidationLoss } from './validation-loss.js';
export { packageVersions } from './versions.js';
