import { ObjectiveBatchError } from './errors.js';

/**
 * Images with their classes in plain host memory. `@foretoken/data` makes such batches; this package depends on their form
 * only, so any other source will do.
 */
export interface ImageBatch {
  /** B: images. */
  readonly batch: number;
  readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  readonly classes: number;
  /** f32 `[B, channels, height, width]`, normalized as the model expects. */
  readonly pixels: Float32Array;
  /** How probable each class is to be said, f32 `[B, classes]`; rows add up to 1, or to 0 for images that count for nothing. */
  readonly labels: Float32Array;
}

/**
 * Checks that the arrays of a batch belong together.
 *
 * @throws ObjectiveBatchError naming the first array that does not fit
 */
export function checkImageBatch(owner: string, { batch, image, classes, pixels, labels }: ImageBatch): void {
  const { channels, height, width } = image;
  const expectSize = (name: string, values: Float32Array, shape: readonly number[]): void => {
    const size = shape.reduce((product, length) => product * length, 1);
    if (values.length === size) return;
    throw new ObjectiveBatchError(
      `${owner}: expected ${name} [${shape.join(', ')}] of ${size} values, got ${values.length}.`,
    );
  };
  expectSize('pixels', pixels, [batch, channels, height, width]);
  expectSize('labels', labels, [batch, classes]);
}
