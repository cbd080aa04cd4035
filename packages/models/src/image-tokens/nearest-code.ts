// N vectors of width D, K codes.
import type { Tensor } from '@foretoken/tensor';

export interface NearestCode {
  /** i32 `[N]`; the first among equally near codes. */
  readonly index: Tensor;
  /** f32 `[N]`, to rounding: it is a difference of larger numbers. */
  readonly squaredDistance: Tensor;
}

/** The code nearest to each vector: `[N, D]` and `[K, D]`. */
export function nearestCode(vectors: Tensor, codes: Tensor): NearestCode {
  // |v - c|^2 = |v|^2 - 2 (v c - |c|^2 / 2), so that the nearest code has the greatest bracket.
  const scores = vectors.matmul(codes, { transposeB: true }).sub(codes.square().sum(-1).mul(0.5));
  return {
    index: scores.argmax(-1),
    squaredDistance: vectors.square().sum(-1).sub(scores.max(-1).mul(2)).maximum(0),
  };
}
