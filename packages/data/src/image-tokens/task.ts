// N images, B sequences, T positions, C = 2 channels of a position.
import { checkCount, checkSize, checkSplit } from '../check-arguments.js';
import { DataFileError, TaskUsageError } from '../errors.js';
import { chooseHeldOut, DATA_DOMAIN } from '../held-out.js';
import { PhiloxRandom } from '../random/philox-random.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { type Metric, type SequenceTask, SPLITS, type Split } from '../sequence-task.js';
import { ShuffledStream } from '../shuffled-stream.js';
import { type ImageTokensConfig, type ImageTokensOptions, parseImageTokensConfig } from './config.js';
import { checkImageTokens, type ImageTokens, selectImages } from './image-tokens.js';

/** Image tokens of each split. */
export interface ImageTokenSources {
  readonly train: ImageTokens;
  /** Held out of `train` when absent. */
  readonly validation?: ImageTokens | undefined;
  readonly test?: ImageTokens | undefined;
}

/** Ids at a position: the code of a cell, and the class of the image. */
const CHANNELS = 2;

/**
 * Images as sequences in the manner of LlamaGen (arXiv 2406.06525): a class token, then the codes of the image row by row.
 * The class token is a prompt of one position; it has nothing in channel 0 and the class in channel 1, so that classes
 * are no codes and are never predicted. In training, a share of the images has the class `noClass` instead.
 *
 * There is nothing to answer: the task is judged by its loss, the mean over image tokens.
 */
export class ImageTokenTask implements SequenceTask {
  readonly name = 'image-tokens';
  readonly config: Readonly<ImageTokensConfig>;
  readonly metrics: readonly Metric[] = [];
  readonly channels = CHANNELS;
  readonly vocabularySize: number;
  readonly channelVocabularySizes: readonly number[];
  readonly grid: { readonly height: number; readonly width: number; readonly before: number };
  readonly classes: number;
  readonly #images: Readonly<Record<Split, ImageTokens | undefined>>;
  readonly #stream: ShuffledStream;

  /** @throws TaskConfigError when settings are wrong, DataFileError when tokens are or splits do not belong together */
  constructor(options: ImageTokensOptions, sources: ImageTokenSources) {
    this.config = Object.freeze(parseImageTokensConfig(options));
    for (const split of SPLITS) checkSource(sources, split);
    const { codes, classes, height, width } = sources.train;
    this.vocabularySize = codes;
    this.classes = classes;
    this.channelVocabularySizes = [classes + 1];
    this.grid = { height, width, before: 1 };
    this.#images = { ...hold(sources, this.config), test: sources.test };
    this.#stream = new ShuffledStream(this.exampleCount('train'), this.config.seed);
  }

  get maxTime(): number {
    return 1 + this.grid.height * this.grid.width;
  }

  /** What stands for the class where it is hidden, or where images have none. */
  get noClass(): number {
    return this.classes;
  }

  tokenText(id: number): string {
    return String(id);
  }

  /** The ids of the class token: the prompt of an image of this class. */
  prompt(label = this.noClass): number[] {
    return [-1, label];
  }

  /** How many images there are, in a line for each split that has any. */
  describeReports(): string[] {
    const { height, width } = this.grid;
    return SPLITS.filter((split) => this.exampleCount(split) > 0).map(
      (split) =>
        `${split}: ${this.exampleCount(split)} images of ${height} by ${width} tokens, ${this.vocabularySize} codes, ${this.classes} classes.`,
    );
  }

  exampleCount(split: Split): number {
    checkSplit('image tokens', split);
    return this.#images[split]?.count ?? 0;
  }

  batchesPerEpoch(split: Split, size: number): number {
    checkCount('image tokens batchesPerEpoch: size', size, 1);
    return Math.ceil(this.exampleCount(split) / size);
  }

  batch(split: Split, step: number, size: number): SequenceBatch {
    checkCount('image tokens batch: step', step, 0);
    checkSize('image tokens batch: size', size, this.maxTime * CHANNELS);
    const images = this.#images[split];
    if (images === undefined || images.count === 0) {
      throw new TaskUsageError(`image tokens: there are no ${split} images. Give files.${split}.`);
    }
    const time = this.maxTime;
    const cells = time - 1;
    const tokens = new Int32Array(size * time * CHANNELS).fill(-1);
    for (let row = 0; row < size; row++) {
      const place = step * size + row;
      const number = split === 'train' ? this.#stream.at(place) : place % images.count;
      const first = row * time * CHANNELS;
      tokens.set(this.prompt(this.#labelAt(images, number, split, place)), first);
      for (let cell = 0; cell < cells; cell++) {
        tokens[first + (1 + cell) * CHANNELS] = images.tokens[number * cells + cell] as number;
      }
    }
    return {
      batch: size,
      time,
      channels: CHANNELS,
      tokens,
      lengths: new Int32Array(size).fill(time),
      prefixLengths: new Int32Array(size).fill(1),
      answerTime: cells,
    };
  }

  /** The class of an image at a place of the stream, where it is not hidden. */
  #labelAt({ classes, labels }: ImageTokens, number: number, split: Split, place: number): number {
    const { classDropout, seed } = this.config;
    if (classes === 0) return this.noClass;
    if (split === 'train' && classDropout > 0) {
      const random = new PhiloxRandom(seed, { domain: DATA_DOMAIN.hiddenClass, index: place });
      if (random.uint32() < classDropout * 2 ** 32) return this.noClass;
    }
    return labels[number] as number;
  }
}

function checkSource({ train, ...others }: ImageTokenSources, split: Split): void {
  const images = split === 'train' ? train : others[split];
  if (images === undefined) return;
  checkImageTokens(`image tokens, ${split}`, images);
  for (const key of ['height', 'width', 'codes', 'classes'] as const) {
    if (images[key] === train[key]) continue;
    throw new DataFileError(
      `image tokens: ${key} of the ${split} images is ${images[key]}, of the training images ${train[key]}. Make both with one tokenizer.`,
    );
  }
}

/** Training and validation images; the latter taken out of the former where they are not given. */
function hold(
  { train, validation }: ImageTokenSources,
  { validationShare, heldOutSeed }: ImageTokensConfig,
): { train: ImageTokens; validation: ImageTokens | undefined } {
  if (validation !== undefined || validationShare === 0) return { train, validation };
  const isHeldOut = chooseHeldOut(train.count, validationShare, heldOutSeed);
  const numbers = [...isHeldOut.keys()];
  return {
    train: selectImages(
      train,
      numbers.filter((number) => isHeldOut[number] === 0),
    ),
    validation: selectImages(
      train,
      numbers.filter((number) => isHeldOut[number] === 1),
    ),
  };
}
