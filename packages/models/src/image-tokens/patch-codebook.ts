// B images, C channels, P patches of p x p pixels, K codes, D = C p p.
import { Embedding, Module, zeros } from '@foretoken/nn';
import type { Device, Tensor } from '@foretoken/tensor';
import { patchVectors } from '../vision/patches.js';
import { type ConfigOf, imageTokenizerConfig } from './config.js';
import type { ImageTokenizer } from './image-tokenizer.js';
import { nearestCode } from './nearest-code.js';
import { patchPixels } from './patch-pixels.js';

/** Each patch is the nearest of K patches: vector quantization of pixels, with a codebook by k-means. */
export class PatchCodebook extends Module implements ImageTokenizer {
  /** `[K, D]`. */
  readonly codes: Embedding;
  readonly #config: ConfigOf<'patch-codebook'>;
  readonly #device: Device;

  /** All codes are 0 until they are loaded: `loadCodes`, or `loadStateDict`. */
  constructor(device: Device, input: Omit<ConfigOf<'patch-codebook'>, 'kind'>) {
    super();
    this.#config = imageTokenizerConfig({
      ...input,
      kind: 'patch-codebook',
    }) as ConfigOf<'patch-codebook'>;
    this.#device = device;
    const { image, patch, codes } = this.#config;
    const width = image.channels * patch * patch;
    this.codes = new Embedding(device, { count: codes, width, weightInit: zeros });
  }

  get config(): ConfigOf<'patch-codebook'> {
    return this.#config;
  }
  get device(): Device {
    return this.#device;
  }

  /** @param codes - `[K, D]`, as `kMeans` gives them */
  loadCodes(codes: Float32Array): void {
    this.codes.weight.load(codes);
  }

  encode(pixels: Tensor): Tensor {
    const vectors = patchVectors(pixels, this.#config.patch);
    const [batch, count, width] = vectors.shape as [number, number, number];
    const { index } = nearestCode(vectors.reshape([batch * count, width]), this.codes.weight);
    return index.reshape([batch, count]);
  }

  decode(tokens: Tensor): Tensor {
    return patchPixels(this.codes.forward(tokens), this.#config.image, this.#config.patch);
  }
}
