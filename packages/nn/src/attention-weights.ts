// B batch, H query heads, Hk key heads, Tq queries, Tk keys, K width of a head.
import { softCap, type Tensor, where } from '@foretoken/tensor';

/** Scores that are masked: low enough for an exponential of 0, and finite, since WGSL may assume that all numbers are. */
const HIDDEN = -1e30;

export interface AttentionWeightOptions {
  /** bool, broadcasts to `[B, H, Tq, Tk]`; every query sees every key when it is absent. */
  readonly mask?: Tensor | undefined;
  /** Factor of the scores. */
  readonly scale: number;
  /** Scores become `cap * tanh(scores / cap)` before the mask; not capped when absent. */
  readonly cap?: number | undefined;
}

/**
 * How much of each value a query takes, `softmax(softCap(scale * query key') where visible)`, made of ordinary operations.
 * Consecutive query heads share a key head; the weights of a query that sees nothing are all 0.
 *
 * @param query - f32 `[B, H, Tq, K]`
 * @param key - f32 `[B, Hk, Tk, K]`
 * @returns f32 `[B, H, Tq, Tk]`
 */
export function attentionWeights(
  query: Tensor,
  key: Tensor,
  { mask, scale, cap }: AttentionWeightOptions,
): Tensor {
  const [batch, heads, queries, width] = query.shape as [number, number, number, number];
  const [, keyHeads, keys] = key.shape as [number, number, number];
  const products = query
    .reshape([batch, keyHeads, heads / keyHeads, queries, width])
    .matmul(key.unsqueeze(2), { transposeB: true })
    .reshape([batch, heads, queries, keys])
    .mul(scale);
  const scores = cap === undefined ? products : softCap(products, cap);
  return mask === undefined ? scores.softmax(-1) : where(mask, where(mask, scores, HIDDEN).softmax(-1), 0);
}
