// B images, C channels, P = h w tokens of an image, row by row.
import type { Module } from '@foretoken/nn';
import type { Device, Tensor } from '@foretoken/tensor';
import type { ImageTokenizerConfig } from './config.js';

/** Turns images into codes and codes into images, as graph. */
export interface ImageTokenizer extends Module {
  readonly config: ImageTokenizerConfig;
  readonly device: Device;
  /** Pixels from 0 to 1, f32 `[B, C, height, width]`, to codes i32 `[B, P]`. */
  encode(pixels: Tensor): Tensor;
  /** Codes i32 `[B, P]` to pixels `[B, C, height, width]`, which may leave 0 to 1 a little. */
  decode(tokens: Tensor): Tensor;
}
