import type { PhiloxRandom } from '../random/philox-random.js';
import type { ImageShape } from './image-set.js';

/** How a training image is changed. */
export interface ImageChange {
  /** Pixels that it moves down and to the right; negative for up and left. */
  readonly down: number;
  readonly right: number;
  /** Whether it is mirrored, left to right, before it moves. */
  readonly flipped: boolean;
}

/** As it is. */
export const UNCHANGED: ImageChange = { down: 0, right: 0, flipped: false };

/** Draws a change, every one that the settings allow equally likely. */
export function drawChange(
  random: PhiloxRandom,
  { shift, flip }: { readonly shift: number; readonly flip: boolean },
): ImageChange {
  const move = (): number => (shift === 0 ? 0 : random.integer(2 * shift + 1) - shift);
  return { down: move(), right: move(), flipped: flip && random.integer(2) === 1 };
}

/** What each byte of a pixel becomes, by channel: `(byte / 255 - mean) / std`. */
export function normalization(mean: readonly number[], std: readonly number[]): readonly Float32Array[] {
  return mean.map((centre, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - centre) / (std[channel] as number)),
  );
}

/**
 * Writes an image, changed and normalized, to place `at` of `target`. What comes in from outside is black.
 *
 * @param source - `[channels, height, width]`
 */
export function writeImage(
  source: Uint8Array,
  { height, width, channels }: ImageShape,
  { down, right, flipped }: ImageChange,
  values: readonly Float32Array[],
  target: Float32Array,
  at: number,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const normalized = values[channel] as Float32Array;
    for (let row = 0; row < height; row++) {
      const from = row - down;
      const start = (channel * height + from) * width;
      const to = at + (channel * height + row) * width;
      for (let column = 0; column < width; column++) {
        const unmoved = column - right;
        const inside = from >= 0 && from < height && unmoved >= 0 && unmoved < width;
        const byte = inside ? (source[start + (flipped ? width - 1 - unmoved : unmoved)] as number) : 0;
        target[to + column] = normalized[byte] as number;
      }
    }
  }
}
