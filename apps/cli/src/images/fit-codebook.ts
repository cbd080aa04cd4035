import type { ImageSet } from '@foretoken/data';
import { imagePatches, type KMeansRound, kMeans, PatchCodebook } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';

export interface FitCodebookOptions {
  readonly patch: number;
  readonly codes: number;
  /** Rounds of k-means at most. */
  readonly rounds: number;
  /** Training images whose patches are clustered, drawn by the seed. */
  readonly images: number;
  readonly seed: number;
  readonly onRound: (round: KMeansRound) => void;
}

/** Some of the images. */
function chooseImages(
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

/** Learns a codebook of patches by k-means. */
export async function fitCodebook(
  device: Device,
  set: ImageSet,
  { patch, codes, rounds, images, seed, onRound }: FitCodebookOptions,
): Promise<PatchCodebook> {
  const { channels, height, width } = set;
  const tokenizer = new PatchCodebook(device, { image: { channels, height, width }, patch, codes });
  const vectors = imagePatches(chooseImages(set, images, seed), tokenizer.config);
  const fit = kMeans(device, vectors, channels * patch * patch, { codes, iterations: rounds, seed });
  for (;;) {
    const { done, value } = await fit.next();
    if (done) {
      tokenizer.loadCodes(value);
      return tokenizer;
    }
    onRound(value);
  }
}
