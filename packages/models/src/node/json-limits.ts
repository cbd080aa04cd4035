import type { FileLimits } from '@foretoken/input/node';
import { CheckpointError } from '../checkpoint/errors.js';

/** For JSON of a model's folder: configs of some KiB, indexes of shards of some MiB. */
export const JSON_LIMITS: FileLimits = { maxBytes: 2 ** 26, error: CheckpointError };
