export { RecipeError, RunFolderError, SinkError, TrainingError } from './errors.js';
export { type Answers, type Evaluation, Evaluator } from './evaluate.js';
export { type ChoiceQuestion, type ChosenOption, chooseOptions } from './evaluation/choices.js';
export {
  type ClassificationOptions,
  type ClassifiedImage,
  classifyImages,
  confusionMatrix,
} from './evaluation/classification.js';
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
export type { HeldOutExamples } from './evaluation/held-out-batches.js';
export { measureOffsets, type OffsetLoss } from './evaluation/offset-losses.js';
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
  OnPhase,
  Phase,
  PhaseEvent,
  RunRecord,
  RunSummary,
  SampleEvent,
  StartEvent,
  TextSample,
  TrainEvent,
  WarningEvent,
} from './events.js';
export { makeFolder, reasonOf, toJson, writeAtomic } from './files.js';
export { type Normalization, readNormalization } from './image-preprocessor.js';
export { readImageTokenFiles, readImageTokens, writeImageTokens } from './image-token-file.js';
export { ImageWork } from './image-work.js';
export { inFlight } from './in-flight.js';
export { checkMemory, checkModelFits } from './memory-check.js';
export { merge } from './merge.js';
export { fullWeights, type ModelTuning } from './model-tuning.js';
export { overrideRecipe } from './overrides.js';
export { describeBudget, objectivesOf, parseRecipe, type Recipe } from './recipe.js';
export { findOrLoadRecipe, isRecipeFile, loadRecipe } from './recipe-file.js';
export { findRecipe, recipeOfTask, recipes } from './recipes.js';
export type { BestEvaluation, Progress } from './run/progress.js';
export type { Checkpoint, StoredCheckpoint } from './run/run-checkpoints.js';
export { MODEL_FOLDER, RunFolder } from './run/run-folder.js';
export { type RunLock, takeLock } from './run/run-lock.js';
export { SequenceAnswers } from './sequence-answers.js';
export type { LoadedTask, SequenceKind } from './sequence-kind.js';
export { SequenceWork, sequencesOf } from './sequence-work.js';
export { Session } from './session.js';
export { describeSchema, type SettingDescription } from './setting-descriptions.js';
export { type Setting, settingKeys, settingsOf, settingValue } from './settings.js';
export type { MetricsSink } from './sink.js';
export { studyInFolder } from './study/data-folder.js';
export {
  type ImageMeasureSettings,
  type ImagePreparation,
  imageMeasuresSchema,
  parseImageMeasures,
  parseImagePreparation,
} from './study/image-measures.js';
export {
  type CostOf,
  flopsOf,
  type PlannedRun,
  planRuns,
  type StepFlops,
  stepsForFlops,
} from './study/plan.js';
export { studies } from './study/studies.js';
export {
  type Budget,
  changeRecipe,
  MOST_SEEDS,
  parseStudy,
  recipeOfCell,
  type Study,
  type StudyDataset,
  type StudyVariant,
  studyOfObjectives,
} from './study/study.js';
export { findOrLoadStudy, loadStudy } from './study/study-file.js';
export {
  type LossMeasures,
  measureRepetition,
  measureTestLoss,
  measureText,
  parseTextMeasures,
  type TextMeasureSettings,
  textMeasuresSchema,
} from './study/text-measures.js';
export { findTaskKind, type TaskKind, taskKinds } from './task-kinds.js';
export { TensorBoardSink } from './tensorboard.js';
export { train } from './train.js';
export type { TrainOptions } from './train-options.js';
export { trainedSession } from './trained-session.js';
export { fileTuningStore } from './tuning-store.js';
export { type LossSettings, nextTokenLoss, type Scoring, ValidationLoss } from './validation-loss.js';
export { packageVersions } from './versions.js';
export { type WandbOptions, WandbSink } from './wandb.js';
export type {
  HeldOutLoss,
  QuestionEvaluator,
  StepCost,
  WorkBatch,
  Workload,
  WorkRequest,
} from './workload.js';
