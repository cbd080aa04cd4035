// B batch, C channels, p height and width of a patch.
import type { Tensor } from '@foretoken/tensor';

/**
 * Cuts images into patches, row by row: `[B, C, height, width]` to `[B, height / p * width / p, C * p * p]`. The pixels of a
 * patch lie channel by channel, then row by row, as in the weight of a convolution.
 */
export function patchVectors(pixels: Tensor, patch: number): Tensor {
  const [batch, channels, height, width] = pixels.shape as [number, number, number, number];
  const [rows, columns] = [height / patch, width / patch];
  return pixels
    .reshape([batch, channels, rows, patch, columns, patch])
    .permute([0, 2, 4, 1, 3, 5])
    .reshape([batch, rows * columns, channels * patch * patch]);
}
