import type { ImageSet } from '@foretoken/data';
import { imagePatches, type KMeansRound, kMeans, PatchCodebook } from '@foretoken/models';
import type { Device } from '@foretoken/tensor';
import { chooseImages } from './choose-images.js';

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
