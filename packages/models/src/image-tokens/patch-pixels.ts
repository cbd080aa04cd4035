// B images, C channels, P patches, p height and width of a patch.
import type { Tensor } from '@foretoken/tensor';
import type { ImageShape } from './config.js';

/** Puts patches together again, as `patchVectors` cut them: `[B, P, C * p * p]` to `[B, C, height, width]`. */
export function patchPixels(vectors: Tensor, { channels, height, width }: ImageShape, patch: number): Tensor {
  const batch = vectors.shape[0] as number;
  return vectors
    .reshape([batch, height / patch, width / patch, channels, patch, patch])
    .permute([0, 3, 1, 4, 2, 5])
    .reshape([batch, channels, height, width]);
}
