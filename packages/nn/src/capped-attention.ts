// B batch, H query heads, Hk key heads, Tq queries, Tk keys, K width of a head.
import { softCap, type Tensor, where } from '@foretoken/tensor';

/** Scores that are masked: low enough for an exponential of 0, and finite, since WGSL may assume that all numbers are. */
const HIDDEN = -1e30;

export interface CappedAttentionOptions {
  /** bool, broadcasts to `[B, H, Tq, Tk]`; every query sees every key when it is absent. */
  readonly mask?: Tensor | undefined;
  /** Factor of the scores. */
  readonly scale: number;
  /** Scores become `cap * tanh(scores / cap)` before the mask. */
  readonly cap: number;
}

/**
 * `softmax(softCap(scale * query key') where visible) value`, made of ordinary operations: the fused kernels have no
 * cap, so the scores are stored here. Consecutive query heads share a key head; a query that sees nothing gives zeros.
 *
 * @param query - f32 `[B, H, Tq, K]`
 * @param key - f32 `[B, Hk, Tk, K]`
 * @param value - like `key`
 * @returns f32 `[B, H, Tq, K]`
 */
export function cappedAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { mask, scale, cap }: CappedAttentionOptions,
): Tensor {
  const [batch, heads, queries, width] = query.shape as [number, number, number, number];
  const [, keyHeads, keys] = key.shape as [number, number, number];
  const grouped = [batch, keyHeads, heads / keyHeads, queries];
  const products = query
    .reshape([...grouped, width])
    .matmul(key.unsqueeze(2), { transposeB: true })
    .reshape([batch, heads, queries, keys]);
  const scores = softCap(products.mul(scale), cap);
  const weights =
    mask === undefined ? scores.softmax(-1) : where(mask, where(mask, scores, HIDDEN).softmax(-1), 0);
  return weights
    .reshape([...grouped, keys])
    .matmul(value.unsqueeze(2))
    .reshape(query.shape);
}
