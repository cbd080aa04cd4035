import { checkCount, checkSize, checkSplit } from '../check-arguments.js';
import { DataFileError, TaskConfigError, TaskUsageError } from '../errors.js';
import { chooseHeldOut, DATA_DOMAIN } from '../held-out.js';
import { PhiloxRandom } from '../random/philox-random.js';
import { ShuffledStream } from '../shuffled-stream.js';
import { type Metric, type QuestionSet, type Score, SPLITS, type Split, type Task } from '../task.js';
import { drawChange, type ImageChange, normalization, UNCHANGED, writeImage } from './augment.js';
import { type ImageConfig, type ImageOptions, parseImageConfig } from './config.js';
import type { ImageDataSet } from './data-sets.js';
import type { ImageBatch } from './image-batch.js';
import { checkLabels, describeShape, type ImageSet, type ImageShape } from './image-set.js';
import { mixImages } from './mixing.js';

/** Classes that an answer ranks. */
const RANKED = 5;

/** Images of a data set, as its files have them. */
export interface ImageSources {
  readonly train: ImageSet;
  readonly test?: ImageSet | undefined;
}

/**
 * Images to be classified. Training images are moved, mirrored and mixed as the settings say; held-out ones stay as they
 * are. Every batch is a function of the seed, the split and its number.
 *
 * A question is an image, an answer the classes from the likeliest on, as many as `maxAnswerLength` says.
 */
export class ImageTask implements Task<ImageBatch> {
  readonly name: string;
  readonly dataSet: ImageDataSet;
  readonly config: Readonly<ImageConfig>;
  readonly metrics: readonly Metric[];
  readonly #sets: Readonly<Record<Split, ImageSet | undefined>>;
  /** Numbers of the images of each split in their set. */
  readonly #numbers: Readonly<Record<Split, Uint32Array>>;
  readonly #stream: ShuffledStream;
  readonly #values: readonly Float32Array[];

  /** @throws TaskConfigError when settings are wrong, DataFileError when images do not fit the data set */
  constructor(dataSet: ImageDataSet, options: ImageOptions, { train, test }: ImageSources) {
    this.name = dataSet.name;
    this.dataSet = dataSet;
    this.config = Object.freeze(parseImageConfig(dataSet.name, options));
    for (const set of [train, test]) if (set !== undefined) checkFits(dataSet, set);
    this.metrics = metricsOf(dataSet.classes);
    this.#sets = { train, validation: train, test };
    this.#numbers = { ...divide(train.count, this.config), test: allOf(test?.count ?? 0) };
    this.#stream = new ShuffledStream(this.#numbers.train.length, this.config.seed);
    const { mean, std } = normalizationOf(dataSet, this.config);
    this.#values = normalization(mean, std);
  }

  get #pixelsEach(): number {
    return this.image.channels * this.image.height * this.image.width;
  }

  get image(): ImageShape {
    return this.dataSet.image;
  }
  get classes(): number {
    return this.dataSet.classes;
  }
  /** What pixels, counted from 0 to 1, are normalized by. */
  get normalization(): { readonly mean: readonly number[]; readonly std: readonly number[] } {
    return normalizationOf(this.dataSet, this.config);
  }

  /** What a class is called. */
  className(label: number): string {
    return this.dataSet.classNames?.[label] ?? String(label);
  }

  exampleCount(split: Split): number {
    checkSplit(this.name, split);
    return this.#numbers[split].length;
  }
  questionCount(split: Split): number {
    return this.exampleCount(split);
  }
  batchesPerEpoch(split: Split, size: number): number {
    return Math.ceil(this.exampleCount(split) / size);
  }

  /** A line for each split that has images. */
  describeReports(): string[] {
    return SPLITS.filter((split) => this.exampleCount(split) > 0).map(
      (split) =>
        `${this.dataSet.title} ${split}: ${this.exampleCount(split)} images of ${describeShape(this.image)}, ${this.classes} classes`,
    );
  }

  batch(split: Split, step: number, size: number): ImageBatch {
    checkCount(`${this.name} batch: step`, step, 0);
    checkSize(`${this.name} batch: size`, size, this.#pixelsEach);
    if (split !== 'train') return this.#batch(split, step * size, size);
    const { seed } = this.config;
    const changes = Array.from({ length: size }, (_, slot) =>
      drawChange(
        new PhiloxRandom(seed, { domain: DATA_DOMAIN.imageChange, index: step * size + slot }),
        this.config,
      ),
    );
    const batch = this.#batch('train', step * size, size, changes, this.config.labelSmoothing);
    return mixImages(
      batch,
      this.config,
      new PhiloxRandom(seed, { domain: DATA_DOMAIN.imageMixing, index: step }),
    );
  }

  questions(split: Split, first: number, count: number): QuestionSet<ImageBatch> {
    checkCount(`${this.name} questions: first`, first, 0);
    checkSize(`${this.name} questions: count`, count, this.#pixelsEach);
    const labels = Array.from({ length: count }, (_, slot) => this.#label(split, first + slot));
    const maxAnswerLength = Math.min(RANKED, this.classes);
    return {
      count,
      prompts: this.#batch(split, first, count),
      answers: labels.map((label) => Int32Array.of(label)),
      maxAnswerLength,
      score: (answers) => this.#score(answers, labels, maxAnswerLength),
    };
  }

  /** The number of the image at a place of the endless stream of a split, in its set. */
  #number(split: Split, place: number): number {
    const numbers = this.#numbers[split];
    if (numbers.length === 0) throw new TaskUsageError(`${this.name}: there are no ${split} images.`);
    return numbers[split === 'train' ? this.#stream.at(place) : place % numbers.length] as number;
  }

  #label(split: Split, place: number): number {
    return this.#sets[split]?.labels[this.#number(split, place)] as number;
  }

  /** Entries `first` to `first + size - 1` of the stream of a split. */
  #batch(
    split: Split,
    first: number,
    size: number,
    changes: readonly ImageChange[] = [],
    labelSmoothing = 0,
  ): ImageBatch {
    checkSplit(this.name, split);
    const { image, classes } = this;
    const pixelCount = image.channels * image.height * image.width;
    const pixels = new Float32Array(size * pixelCount);
    const labels = new Float32Array(size * classes).fill(labelSmoothing / classes);
    for (let slot = 0; slot < size; slot++) {
      const number = this.#number(split, first + slot);
      const { pixels: stored, labels: given } = this.#sets[split] as ImageSet;
      const source = stored.subarray(number * pixelCount, (number + 1) * pixelCount);
      writeImage(source, image, changes[slot] ?? UNCHANGED, this.#values, pixels, slot * pixelCount);
      labels[slot * classes + (given[number] as number)] = 1 - labelSmoothing + labelSmoothing / classes;
    }
    return { batch: size, image, classes, pixels, labels };
  }

  #score(answers: readonly ArrayLike<number>[], labels: readonly number[], maxAnswerLength: number): Score {
    if (answers.length !== labels.length) {
      throw new TaskUsageError(
        `${this.name} score: expected ${labels.length} answers, got ${answers.length}.`,
      );
    }
    const each = labels.map((label, question) => {
      const ranked = Array.from(answers[question] as ArrayLike<number>);
      if (ranked.length > maxAnswerLength) {
        throw new TaskUsageError(
          `${this.name} score: answer ${question} ranks ${ranked.length} classes; ${maxAnswerLength} count.`,
        );
      }
      const place = ranked.indexOf(label);
      const scores = { top1: Number(place === 0), top5: Number(place >= 0) };
      return Object.fromEntries(this.metrics.map(({ name }) => [name, scores[name as keyof typeof scores]]));
    });
    const mean = this.metrics.map(({ name }) => [
      name,
      each.reduce((sum, one) => sum + (one[name] as number), 0) / each.length,
    ]);
    return { each, mean: Object.fromEntries(mean) as Record<string, number> };
  }
}

/** Five of five classes or fewer are always right: then there is no such metric. */
const metricsOf = (classes: number): Metric[] => [
  { name: 'top1', label: 'top-1', chance: 1 / classes },
  ...(classes > RANKED ? [{ name: 'top5', label: 'top-5', chance: RANKED / classes }] : []),
];

const allOf = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, image) => image);

/** Which of the training images are learned from, and which are held out. */
function divide(
  count: number,
  { trainingImages, validationShare, heldOutSeed }: ImageConfig,
): { readonly train: Uint32Array; readonly validation: Uint32Array } {
  if (trainingImages !== null && trainingImages > count) {
    throw new TaskConfigError(`trainingImages: ${trainingImages} of ${count} images. Use at most ${count}.`);
  }
  const used = trainingImages ?? count;
  const heldOut = chooseHeldOut(used, validationShare, heldOutSeed);
  const where = (value: number): Uint32Array => allOf(used).filter((image) => heldOut[image] === value);
  return { train: where(0), validation: where(1) };
}

function normalizationOf(
  { image, mean, std }: ImageDataSet,
  config: ImageConfig,
): { readonly mean: readonly number[]; readonly std: readonly number[] } {
  const chosen = { mean: config.mean ?? mean, std: config.std ?? std };
  for (const [name, values] of Object.entries(chosen)) {
    if (values.length !== image.channels) {
      throw new TaskConfigError(
        `${name}: expected ${image.channels} numbers, one for each channel, got ${values.length}.`,
      );
    }
  }
  return chosen;
}

function checkFits({ name, image, classes }: ImageDataSet, set: ImageSet): void {
  const same = (['height', 'width', 'channels'] as const).every((axis) => image[axis] === set[axis]);
  if (!same) {
    throw new DataFileError(
      `${name}: expected images of ${describeShape(image)}, got ${describeShape(set)}.`,
    );
  }
  if (set.count === 0) throw new DataFileError(`${name}: there are no images.`);
  checkLabels(name, set.labels, classes);
}
