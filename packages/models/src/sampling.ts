import type { HostRandom } from '@foretoken/tensor';
import { GenerationError } from './generation-error.js';

export interface SamplingOptions {
  /** Divides the logits: below 1 sharper, above 1 flatter. Default 1; 0 is greedy. */
  readonly temperature?: number | undefined;
  /** Only the k likeliest tokens. */
  readonly topK?: number | undefined;
  /** Only the likeliest tokens that together reach this probability (arXiv 1904.09751). */
  readonly topP?: number | undefined;
}

/**
 * Logits of -Infinity are fine, as long as others are not: their tokens are never drawn.
 *
 * @throws GenerationError when a logit is NaN or +Infinity, or all are -Infinity
 */
function checkDrawable(logits: Float32Array): void {
  const wrong = logits.findIndex((logit) => !(logit < Number.POSITIVE_INFINITY));
  if (wrong !== -1) {
    throw new GenerationError(
      `sampling: the logit of token ${wrong} is ${logits[wrong]}; expected numbers below infinity.`,
    );
  }
  if (!logits.some((logit) => logit > Number.NEGATIVE_INFINITY))
    throw new GenerationError('sampling: no logit is above -Infinity, so there is no token to draw.');
}

/** The index of the greatest logit, the first among equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}

/** Ids in the order of falling logits, the lower id first among equals. */
function ranked(logits: Float32Array): Uint32Array {
  return Uint32Array.from(logits, (_, id) => id).sort(
    (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
  );
}

/** How many of the likeliest tokens reach `topP` together. @param weights - unnormalized, falling */
function nucleus(weights: readonly number[], topP: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  const last = weights.findIndex((weight) => {
    reached += weight;
    return reached >= topP * total;
  });
  return last === -1 ? weights.length : last + 1;
}

/** Tokens that may be drawn, the likeliest first, with their unnormalized probabilities. */
function candidates(
  logits: Float32Array,
  { temperature = 1, topK = logits.length, topP = 1 }: SamplingOptions,
): { readonly ids: Uint32Array; readonly weights: readonly number[] } {
  const ids = ranked(logits).subarray(0, topK);
  const highest = logits[ids[0] as number] as number;
  const weights = Array.from(ids, (id) => Math.exp(((logits[id] as number) - highest) / temperature));
  return { ids, weights: weights.slice(0, nucleus(weights, topP)) };
}

/** A place, with the probability of its weight. @param weights - unnormalized */
export function draw(weights: ArrayLike<number>, random: HostRandom): number {
  let total = 0;
  for (let at = 0; at < weights.length; at++) total += weights[at] as number;
  let left = random.uniform() * total;
  let last = 0;
  for (let at = 0; at < weights.length; at++) {
    const weight = weights[at] as number;
    if (weight <= 0) continue;
    left -= weight;
    last = at;
    if (left < 0) return at;
  }
  // Rounding can leave a last crumb of probability to nobody.
  return last;
}

/**
 * Draws a token from `softmax(logits / temperature)`, cut first to `topK`, then to `topP`.
 *
 * @param logits - `[V]`
 * @throws GenerationError when a logit is NaN or +Infinity, or all are -Infinity
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: HostRandom): number {
  checkDrawable(logits);
  if (options.temperature === 0) return argmax(logits);
  const { ids, weights } = candidates(logits, options);
  return ids[draw(weights, random)] as number;
}

/**
 * The probabilities that `sampleToken` draws by, `[V]`; 0 for what was cut.
 *
 * @throws GenerationError as `sampleToken`
 */
export function tokenProbabilities(logits: Float32Array, options: SamplingOptions): Float64Array {
  checkDrawable(logits);
  const probabilities = new Float64Array(logits.length);
  if (options.temperature === 0) {
    probabilities[argmax(logits)] = 1;
    return probabilities;
  }
  const { ids, weights } = candidates(logits, options);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  weights.forEach((weight, at) => {
    probabilities[ids[at] as number] = weight / total;
  });
  return probabilities;
}
