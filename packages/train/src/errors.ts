import { ForetokenError } from '@foretoken/tensor';

/** A recipe, or a setting that was given for one, is wrong. */
export class RecipeError extends ForetokenError {}

/** A run folder holds something else than what was asked for, or is in use, or is damaged. */
export class RunFolderError extends ForetokenError {}

/** Training cannot go on: the loss or the gradient is not a number any more. */
export class TrainingError extends ForetokenError {}

/** What should hear of a run cannot be reached. */
export class SinkError extends ForetokenError {}
