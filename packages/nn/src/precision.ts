import type { Tensor } from '@foretoken/tensor';

/**
 * What products read, and what is kept for their gradients. `f16` halves both: inputs and weights are rounded to f16 in
 * each pass, sums and results are f32. The parameters themselves are f32 in any case. Needs an adapter with
 * `shader-f16`; small gradients need a `LossScaler`.
 */
export type Precision = 'f32' | 'f16';

/** A tensor as a layer of this precision reads it. */
export const inPrecision = (tensor: Tensor, precision: Precision): Tensor =>
  precision === 'f16' ? tensor.cast('f16') : tensor;

/** f32 values that are kept for the backward pass in this precision. */
export const keptIn = (tensor: Tensor, precision: Precision): Tensor =>
  precision === 'f16' ? tensor.cast('f16').cast('f32') : tensor;
