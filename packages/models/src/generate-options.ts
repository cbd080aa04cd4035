import { ConfigError } from '@foretoken/nn';
import type { Guidance } from './guidance.js';
import type { SamplingOptions } from './sampling.js';

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Always the likeliest token. Default false. */
  readonly greedy?: boolean;
  /** Generation of a sequence ends before the first of these. */
  readonly stopTokens?: readonly number[];
  /** Each prompt draws from a stream of its own of this seed, so that a batch does not change a result. Default 0. */
  readonly seed?: number;
  /** Follows the prompts more closely; every prompt then takes two places of the batch. None when absent. */
  readonly guidance?: Guidance | undefined;
}

/** @throws ConfigError for the first that is out of range */
export function checkOptions({ maxNewTokens, temperature = 1, topK = 1, topP = 1 }: GenerateOptions): void {
  const refuse = (name: string, rule: string, value: number): never => {
    throw new ConfigError(`generate: ${name} must be ${rule}, got ${value}.`);
  };
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 0)
    refuse('maxNewTokens', 'a whole number', maxNewTokens);
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    refuse('temperature', '0 or more', temperature);
  if (!Number.isInteger(topK) || topK < 1) refuse('topK', 'a whole number of at least 1', topK);
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'above 0 and at most 1', topP);
}
