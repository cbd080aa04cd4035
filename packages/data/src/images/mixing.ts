import type { PhiloxRandom } from '../random/philox-random.js';
import type { ImageBatch } from './image-batch.js';

/** How much two images of a batch have to do with each other: by blending, or by a piece put in. */
export interface MixingSettings {
  /** Parameter of the Beta distribution of the shares, from 0 (none) to 1. */
  readonly mixup: number;
  readonly cutmix: number;
}

const WORD_RANGE = 2 ** 32;

/** A number above 0 and up to 1. */
const positiveUniform = (random: PhiloxRandom): number => (random.uint32() + 1) / WORD_RANGE;

/** A draw from Beta(alpha, alpha), 0 < alpha <= 1, by the method of Jöhnk (1964). */
export function drawBeta(random: PhiloxRandom, alpha: number): number {
  for (;;) {
    const one = positiveUniform(random) ** (1 / alpha);
    const other = positiveUniform(random) ** (1 / alpha);
    const sum = one + other;
    if (sum > 0 && sum <= 1) return one / sum;
  }
}

/** A batch of which each image, and its label, has a share of the next one in it (of the last, the first). */
export function mixImages(
  batch: ImageBatch,
  { mixup, cutmix }: MixingSettings,
  random: PhiloxRandom,
): ImageBatch {
  if (mixup === 0 && cutmix === 0) return batch;
  const cuts = cutmix > 0 && (mixup === 0 || random.integer(2) === 1);
  return cuts ? cutMixed(batch, cutmix, random) : mixedUp(batch, drawBeta(random, mixup));
}

/** `share` of each row and the rest of the next one. */
function blend(values: Float32Array, width: number, share: number): Float32Array {
  return values.map(
    (value, at) => share * value + (1 - share) * (values[(at + width) % values.length] as number),
  );
}

const imageSize = ({ image }: ImageBatch): number => image.channels * image.height * image.width;

function mixedUp(batch: ImageBatch, share: number): ImageBatch {
  return {
    ...batch,
    pixels: blend(batch.pixels, imageSize(batch), share),
    labels: blend(batch.labels, batch.classes, share),
  };
}

/** Replaces a rectangle of each image by that of the next one; labels go by the area that is left. */
function cutMixed(batch: ImageBatch, alpha: number, random: PhiloxRandom): ImageBatch {
  const { channels, height, width } = batch.image;
  const side = Math.sqrt(1 - drawBeta(random, alpha));
  const [down, right] = [random.integer(height), random.integer(width)];
  const span = (centre: number, size: number): readonly [number, number] => {
    const half = (side * size) / 2;
    return [Math.max(0, Math.round(centre - half)), Math.min(size, Math.round(centre + half))];
  };
  const [top, bottom] = span(down, height);
  const [left, end] = span(right, width);
  const size = imageSize(batch);
  const pixels = batch.pixels.slice();
  for (let plane = 0; plane < batch.batch * channels; plane++) {
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < end; column++) {
        const at = (plane * height + row) * width + column;
        pixels[at] = batch.pixels[(at + size) % pixels.length] as number;
      }
    }
  }
  const kept = 1 - ((bottom - top) * (end - left)) / (height * width);
  return { ...batch, pixels, labels: blend(batch.labels, batch.classes, kept) };
}
