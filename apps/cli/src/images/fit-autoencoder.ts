import type { ImageSet } from '@foretoken/data';
import { type TrainVqOptions, trainVqAutoencoder, VqAutoencoder, type VqReport } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import { chooseImages } from './choose-images.js';

/** What is not given has the default of `VqAutoencoder` and `trainVqAutoencoder`. */
export interface FitAutoencoderOptions extends TrainVqOptions {
  readonly patch: number;
  readonly codes: number;
  /** Numbers of a code. */
  readonly codeWidth?: number | undefined;
  /** Of the transformers that encode and decode. */
  readonly width?: number | undefined;
  readonly layers?: number | undefined;
  readonly heads?: number | undefined;
  /** Training images to learn from, drawn by the seed. */
  readonly images: number;
  readonly seed: number;
  readonly onReport: (report: VqReport) => void;
}

/** Trains a vector-quantising autoencoder. @throws ConfigError when its sizes do not fit together */
export async function fitAutoencoder(
  device: Device,
  set: ImageSet,
  { patch, codes, codeWidth, width, layers, heads, images, onReport, ...training }: FitAutoencoderOptions,
): Promise<VqAutoencoder> {
  const image = { channels: set.channels, height: set.height, width: set.width };
  const { seed } = training;
  const tokenizer = new VqAutoencoder(
    device,
    { image, patch, codes, codeWidth, width, layers, heads },
    new HostRandom(seed),
  );
  for await (const report of trainVqAutoencoder(tokenizer, chooseImages(set, images, seed), training)) {
    onReport(report);
  }
  return tokenizer;
}
