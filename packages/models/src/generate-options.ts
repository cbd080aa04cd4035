import { ConfigError } from '@foretoken/nn';
import type { Guidance } from './guidance.js';
import type { SamplingOptions } from './sampling.js';

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /**
   * What becomes of a prompt that leaves less room than `maxNewTokens` in the capacity: `refuse` throws before anything is
   * generated, `stop` ends that prompt, and no other, where its own room ends. Default `refuse`.
   */
  readonly whenFull?: 'refuse' | 'stop' | undefined;
  /** Always the likeliest token. Default false. */
  readonly greedy?: boolean;
  /** Generation of a sequence ends before the first of these. */
  readonly stopTokens?: readonly number[];
  /** Each prompt draws from a stream of its own of this seed, so that a batch does not change a result. Default 0. */
  readonly seed?: number;
  /**
   * Number of the first prompt's stream; prompt i draws from stream `firstStream + i`. Callers that split prompts into
   * several calls give the index of the first prompt of each call, so that the split changes no result. Default 0.
   */
  readonly firstStream?: number | undefined;
  /** Follows the prompts more closely; every prompt then takes two places of the batch. None when absent. */
  readonly guidance?: Guidance | undefined;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws ConfigError for the first that is out of range */
export function checkOptions(options: GenerateOptions): void {
  const { maxNewTokens, temperature = 1, topK = 1, topP = 1 } = options;
  const { seed = 0, firstStream = 0, stopTokens = [], whenFull = 'refuse' } = options;
  const refuse = (name: string, rule: string, value: unknown): never => {
    throw new ConfigError(`generate: ${name} must be ${rule}, got ${String(value)}.`);
  };
  if (!isCount(maxNewTokens)) refuse('maxNewTokens', 'a whole number', maxNewTokens);
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    refuse('temperature', '0 or more', temperature);
  if (!Number.isInteger(topK) || topK < 1) refuse('topK', 'a whole number of at least 1', topK);
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'above 0 and at most 1', topP);
  if (!Number.isSafeInteger(seed)) refuse('seed', 'a whole number', seed);
  if (!isCount(firstStream)) refuse('firstStream', 'a whole number', firstStream);
  const stop = stopTokens.find((id) => !Number.isSafeInteger(id));
  if (stop !== undefined) refuse('stopTokens', 'token ids', stop);
  if (whenFull !== 'refuse' && whenFull !== 'stop') refuse('whenFull', "'refuse' or 'stop'", whenFull);
}
