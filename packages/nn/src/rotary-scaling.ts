/** How rotary positions are stretched beyond the context that a model was trained on first. */
export type RotaryScaling =
  /** All positions count for `1 / factor` (arXiv 2306.15595). */
  | { readonly kind: 'linear'; readonly factor: number }
  /**
   * As Llama 3 does it: pairs that turn slowly are slowed down by `factor`, those that turn fast stay, those between
   * are blended. Slow is fewer than `slowTurns` turns over `trainedPositions`, fast is more than `fastTurns`.
   */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly slowTurns: number;
      readonly fastTurns: number;
      readonly trainedPositions: number;
    };

/** The angle that a pair turns by from one position to the next, given the unscaled one. */
export function scaledRate(rate: number, scaling: RotaryScaling | undefined): number {
  if (scaling === undefined) return rate;
  if (scaling.kind === 'linear') return rate / scaling.factor;
  const { factor, slowTurns, fastTurns, trainedPositions } = scaling;
  const turns = (trainedPositions * rate) / (2 * Math.PI);
  const fastShare = Math.min(Math.max((turns - slowTurns) / (fastTurns - slowTurns), 0), 1);
  return rate * (fastShare + (1 - fastShare) / factor);
}
