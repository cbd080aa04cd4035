// B batch, C channels, P patches, S tokens in front of them, D width.
import { Linear, Module, zeros } from '@foretoken/nn';
import { concat, type Device, type HostRandom, ShapeError, type Tensor, where } from '@foretoken/tensor';
import { gaussian } from '../block.js';
import { Transformer } from '../transformer.js';
import {
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
  patchGrid,
  tokensInFront,
} from './config.js';
import { patchVectors } from './patches.js';

export interface ImagePassOptions {
  /** u32 `[2]`, another one for each step: asks for dropout, and so for training. */
  readonly dropoutKey?: Tensor | undefined;
}

/**
 * A vision transformer (arXiv 2010.11929): patches of an image as tokens of the one transformer, which all see each other,
 * and a linear head on what comes out. Its config makes it ViT, DeiT or anything between.
 */
export class ImageClassifier extends Module {
  /** Of a patch, as a convolution whose stride is its size has it. */
  readonly patchEmbedding: Linear;
  /** Its tokens are those in front of the patches. */
  readonly trunk: Transformer;
  readonly head: Linear;
  readonly distillationHead: Linear | undefined;
  readonly #config: ImageClassifierConfig;

  /**
   * @param random - of the first values of the parameters; without it they are 0, for a model that is loaded next
   * @throws ConfigError listing everything that is wrong with the config
   */
  constructor(device: Device, input: ImageClassifierConfigInput, random?: HostRandom) {
    super();
    const config = imageClassifierConfig(input);
    this.#config = config;
    const { image, patch, classes, distillation, trunk } = config;
    const { width, precision, initialization } = trunk;
    const inWidth = image.channels * patch * patch;
    this.patchEmbedding = new Linear(
      device,
      {
        inWidth,
        outWidth: width,
        weightInit: gaussian(initialization.input, inWidth),
        biasInit: zeros,
        precision,
      },
      random,
    );
    this.trunk = new Transformer(device, trunk, random);
    const createHead = (): Linear =>
      new Linear(
        device,
        {
          inWidth: width,
          outWidth: classes,
          weightInit: gaussian(initialization.output, width),
          biasInit: zeros,
        },
        random,
      );
    this.head = createHead();
    if (distillation === 'head') this.distillationHead = createHead();
  }

  get config(): ImageClassifierConfig {
    return this.#config;
  }
  get device(): Device {
    return this.trunk.device;
  }

  /**
   * Logits of the classes: `[B, C, height, width]` to `[B, classes]`.
   *
   * @param pixels - f32, normalized as the model was trained
   */
  forward(pixels: Tensor, options: ImagePassOptions = {}): Tensor {
    const hidden = this.hidden(pixels, options);
    const logits = this.head.forward(this.#pooled(hidden));
    if (this.distillationHead === undefined) return logits;
    return logits.add(this.distillationHead.forward(hidden.slice(1, 1, 2).squeeze(1))).mul(0.5);
  }

  /** What the head reads, a vector for each image: `[B, C, height, width]` to `[B, D]`. */
  features(pixels: Tensor, options: ImagePassOptions = {}): Tensor {
    return this.#pooled(this.hidden(pixels, options));
  }

  /** Hidden states after the final norm, of the tokens in front and of the patches: `[B, S + P, D]`. */
  hidden(pixels: Tensor, { dropoutKey }: ImagePassOptions = {}): Tensor {
    this.#check(pixels);
    const { device } = this;
    const patches = this.patchEmbedding.forward(patchVectors(pixels, this.#config.patch));
    const [batch, count, width] = patches.shape as [number, number, number];
    const front = tokensInFront(this.#config);
    const time = front + count;
    const ids = device.arange(time, 'i32').reshape([1, time]);
    const positions = ids.expand([batch, time]);
    if (front === 0) return this.trunk.trunk({ embeddings: patches, positions, dropoutKey });
    // Each token in front is a row of the table; patches are none.
    const tokens = where(ids.lt(front), ids, -1).expand([batch, time]);
    const embeddings = concat([device.zeros([batch, front, width]), patches], 1);
    return this.trunk.trunk({ tokens, embeddings, positions, dropoutKey });
  }

  #pooled(hidden: Tensor): Tensor {
    return this.#config.pooling === 'class'
      ? hidden.slice(1, 0, 1).squeeze(1)
      : hidden.slice(1, tokensInFront(this.#config)).mean(1);
  }

  #check({ shape }: Tensor): void {
    const { channels, height, width } = this.#config.image;
    const [, ...found] = shape;
    if (shape.length === 4 && [channels, height, width].every((size, axis) => size === found[axis])) return;
    const { height: rows, width: columns } = patchGrid(this.#config);
    throw new ShapeError(
      `ImageClassifier: expected pixels [batch, ${channels}, ${height}, ${width}] (${rows} x ${columns} patches), got [${shape.join(', ')}].`,
    );
  }
}
