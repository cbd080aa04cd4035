// N images, C channels, P patches of p x p pixels.
import type { ImageTokenizerConfig } from './config.js';

/**
 * The patches of images on the host, as `patchVectors` cuts them: bytes `[N, C, height, width]` to `[N * P, C * p * p]` from 0
 * to 1.
 */
export function imagePatches(
  pixels: ArrayLike<number>,
  { image: { channels, height, width }, patch }: Pick<ImageTokenizerConfig, 'image' | 'patch'>,
): Float32Array {
  const vectors = new Float32Array(pixels.length);
  const [rows, columns] = [height / patch, width / patch];
  const size = patch * patch;
  for (let at = 0; at < pixels.length; at++) {
    const x = at % width;
    const y = Math.floor(at / width) % height;
    const channel = Math.floor(at / (width * height)) % channels;
    const image = Math.floor(at / (width * height * channels));
    const cell = (image * rows + Math.floor(y / patch)) * columns + Math.floor(x / patch);
    const place = channel * size + (y % patch) * patch + (x % patch);
    vectors[cell * channels * size + place] = (pixels[at] as number) / 255;
  }
  return vectors;
}
