import type { ImageShape } from './image-set.js';

/** Images that a classifier learns from or is asked about, in plain host memory. */
export interface ImageBatch {
  /** B: images. */
  readonly batch: number;
  readonly image: ImageShape;
  /** Classes that there are. */
  readonly classes: number;
  /** f32 `[B, channels, height, width]`, normalized. */
  readonly pixels: Float32Array;
  /** How probable each class is to be said, f32 `[B, classes]`; rows add up to 1, or to 0 for images that count for nothing. */
  readonly labels: Float32Array;
}
