// B batch, H query heads, Hk key heads, Tq queries, Tk keys, K width of a head.
import type { Tensor } from '@foretoken/tensor';
import { type AttentionWeightOptions, attentionWeights } from './attention-weights.js';

/**
 * Attention with capped scores: the fused kernels have no cap, so the weights are stored here.
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
  options: AttentionWeightOptions & { readonly cap: number },
): Tensor {
  const [batch, heads, queries] = query.shape as [number, number, number, number];
  const [, keyHeads, keys] = key.shape as [number, number, number];
  return attentionWeights(query, key, options)
    .reshape([batch, keyHeads, heads / keyHeads, queries, keys])
    .matmul(value.unsqueeze(2))
    .reshape(query.shape);
}
