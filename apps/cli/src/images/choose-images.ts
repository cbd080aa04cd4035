import type { ImageSet } from '@foretoken/data';
import { HostRandom } from '@foretoken/tensor';

/** The pixels of some of the images, drawn by the seed, or of all where there are no more. */
export function chooseImages(
  { count, channels, height, width, pixels }: ImageSet,
  wanted: number,
  seed: number,
): Uint8Array {
  const each = channels * height * width;
  const order = new HostRandom(seed, 1).shuffle(Uint32Array.from({ length: count }, (_, image) => image));
  const chosen = order.subarray(0, Math.min(wanted, count));
  const found = new Uint8Array(chosen.length * each);
  chosen.forEach((image, at) => {
    found.set(pixels.subarray(image * each, (image + 1) * each), at * each);
  });
  return found;
}
