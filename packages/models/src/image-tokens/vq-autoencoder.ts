// B images, C channels, P patches, K codes, E width of a code, D width of the layers.
import { Embedding, Linear, Module, normal, zeros } from '@foretoken/nn';
import type { Device, HostRandom, Tensor } from '@foretoken/tensor';
import { gaussian } from '../block.js';
import { vitConfig } from '../presets.js';
import { Transformer } from '../transformer.js';
import { patchVectors } from '../vision/patches.js';
import { type ConfigOf, type ImageTokenizerConfigInput, imageTokenizerConfig, tokenGrid } from './config.js';
import type { ImageTokenizer } from './image-tokenizer.js';
import { nearestCode } from './nearest-code.js';
import { patchPixels } from './patch-pixels.js';

type Config = ConfigOf<'vq-autoencoder'>;
type ConfigInput = Omit<Extract<ImageTokenizerConfigInput, { kind: 'vq-autoencoder' }>, 'kind'>;

/** What training lowers, each a mean. */
export interface VqLosses {
  /** Squared error of the pixels. */
  readonly reconstruction: Tensor;
  /** Squared distance of codes from the vectors that they stand for: moves codes. */
  readonly codebook: Tensor;
  /** The same distance, which moves the vectors. */
  readonly commitment: Tensor;
}

/** A pass of training. */
export interface VqPass extends VqLosses {
  /** i32 `[B, P]` */
  readonly tokens: Tensor;
  /** Vectors before they become codes, `[B * P, E]`. */
  readonly vectors: Tensor;
}

/**
 * A vector-quantising autoencoder (arXiv 1711.00937) without convolutions: patches go through a small bidirectional transformer
 * and become the nearest of K codes; another one makes patches of the codes. Gradients pass the choice of a code as if it were
 * none (straight-through).
 */
export class VqAutoencoder extends Module implements ImageTokenizer {
  readonly patchEmbedding: Linear;
  readonly encoder: Transformer;
  readonly toCode: Linear;
  /** `[K, E]` */
  readonly codes: Embedding;
  readonly fromCode: Linear;
  readonly decoder: Transformer;
  readonly toPatch: Linear;
  readonly #config: Config;

  /** @param random - of the first values; without it they are 0, for a tokenizer that is loaded next */
  constructor(device: Device, input: ConfigInput, random?: HostRandom) {
    super();
    this.#config = imageTokenizerConfig({ ...input, kind: 'vq-autoencoder' }) as Config;
    const { image, patch, codes, codeWidth, width, layers, heads } = this.#config;
    const grid = tokenGrid(this.#config);
    const pixels = image.channels * patch * patch;
    const linear = (inWidth: number, outWidth: number): Linear =>
      new Linear(
        device,
        { inWidth, outWidth, weightInit: gaussian('fanIn', inWidth), biasInit: zeros },
        random,
      );
    const trunk = (): Transformer =>
      new Transformer(
        device,
        vitConfig({
          vocabularySize: 0,
          width,
          layers,
          heads,
          maxPositions: grid.height * grid.width,
          grid: { ...grid, before: 0 },
          initialization: { input: 'fanIn', residual: 'fanIn', scaleResidual: true },
        }),
        random,
      );
    this.patchEmbedding = linear(pixels, width);
    this.encoder = trunk();
    this.toCode = linear(width, codeWidth);
    this.codes = new Embedding(
      device,
      { count: codes, width: codeWidth, weightInit: normal({ std: 1 }) },
      random,
    );
    this.fromCode = linear(codeWidth, width);
    this.decoder = trunk();
    this.toPatch = linear(width, pixels);
  }

  get config(): Config {
    return this.#config;
  }
  get device(): Device {
    return this.encoder.device;
  }

  encode(pixels: Tensor): Tensor {
    const vectors = this.#vectors(pixels);
    const batch = pixels.shape[0] as number;
    return nearestCode(vectors, this.codes.weight).index.reshape([
      batch,
      (vectors.shape[0] as number) / batch,
    ]);
  }

  decode(tokens: Tensor): Tensor {
    return this.#pixels(this.codes.forward(tokens));
  }

  /** Pixels from 0 to 1, f32 `[B, C, height, width]`, through codes and back. */
  train(pixels: Tensor): VqPass {
    const vectors = this.#vectors(pixels);
    const [batch, codeWidth] = [pixels.shape[0] as number, this.#config.codeWidth];
    const index = nearestCode(vectors, this.codes.weight).index;
    const chosen = this.codes.forward(index);
    // The value of the code, the gradient of the vector.
    const through = vectors.add(chosen.sub(vectors).detach());
    const drawn = this.#pixels(through.reshape([batch, -1, codeWidth]));
    return {
      reconstruction: drawn.sub(pixels).square().mean(),
      codebook: chosen.sub(vectors.detach()).square().mean(),
      commitment: vectors.sub(chosen.detach()).square().mean(),
      tokens: index.reshape([batch, -1]),
      vectors,
    };
  }

  /** `[B, C, height, width]` to `[B * P, E]` */
  #vectors(pixels: Tensor): Tensor {
    const patches = this.patchEmbedding.forward(patchVectors(pixels, this.#config.patch));
    const encoded = this.toCode.forward(this.#through(this.encoder, patches));
    return encoded.reshape([-1, this.#config.codeWidth]);
  }

  /** `[B, P, E]` to `[B, C, height, width]` */
  #pixels(codes: Tensor): Tensor {
    const decoded = this.toPatch.forward(this.#through(this.decoder, this.fromCode.forward(codes)));
    return patchPixels(decoded, this.#config.image, this.#config.patch);
  }

  /** `[B, P, D]` through a trunk in which all patches see each other. */
  #through(trunk: Transformer, embeddings: Tensor): Tensor {
    const [batch, count] = embeddings.shape as [number, number];
    const positions = trunk.device.arange(count, 'i32').unsqueeze(0).expand([batch, count]);
    return trunk.trunk({ embeddings, positions });
  }
}
