import type { HostRandom } from '@foretoken/tensor';

export interface SamplingOptions {
  /** Divides the logits: below 1 sharper, above 1 flatter. Default 1; 0 is greedy. */
  readonly temperature?: number | undefined;
  /** Only the k likeliest tokens. */
  readonly topK?: number | undefined;
  /** Only the likeliest tokens that together reach this probability (arXiv 1904.09751). */
  readonly topP?: number | undefined;
}

/** The place of the greatest logit, the first among equals. */
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

/**
 * Draws a token from `softmax(logits / temperature)`, cut first to `topK`, then to `topP`.
 *
 * @param logits - `[V]`
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: HostRandom): number {
  const { temperature = 1, topK = logits.length, topP = 1 } = options;
  if (temperature === 0) return argmax(logits);
  const order = ranked(logits).subarray(0, topK);
  const highest = logits[order[0] as number] as number;
  const weights = Array.from(order, (id) => Math.exp(((logits[id] as number) - highest) / temperature));
  const kept = weights.slice(0, nucleus(weights, topP));
  let left = random.uniform() * kept.reduce((sum, weight) => sum + weight, 0);
  const chosen = kept.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  // Rounding can leave a last crumb of probability to nobody.
  return order[chosen === -1 ? kept.length - 1 : chosen] as number;
}
