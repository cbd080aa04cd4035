import { ForetokenError } from '@foretoken/tensor';

/** An objective that does not exist, or settings that it cannot have. */
export class ObjectiveConfigError extends ForetokenError {}

/** A batch that is malformed, or that the objective cannot be applied to. */
export class ObjectiveBatchError extends ForetokenError {}
