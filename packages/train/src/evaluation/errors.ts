import { ForetokenError } from '@foretoken/tensor';

/** An evaluation was asked for that cannot be made of this model and this data. */
export class EvaluationError extends ForetokenError {}
