import { describe, expect, it } from 'vitest';
import { drawChange, normalization, writeImage } from '../../src/images/augment.js';
import { drawBeta, mixImages } from '../../src/images/mixing.js';
import {
  type ImageBatch,
  type ImageDataSet,
  type ImageOptions,
  ImageTask,
  imageDataSets,
  PhiloxRandom,
} from '../../src/index.js';

const mnist = imageDataSets.find(({ name }) => name === 'mnist') as ImageDataSet;
const tiny: ImageDataSet = {
  name: 'tiny',
  title: 'Tiny',
  format: 'idx',
  image: { height: 2, width: 3, channels: 1 },
  classes: 7,
  mean: [0],
  std: [1 / 255],
};

/** Images whose every pixel is their number, with classes in turn. */
const setOf = (count: number, { image, classes }: ImageDataSet = tiny) => {
  const size = image.height * image.width * image.channels;
  return {
    ...image,
    count,
    pixels: Uint8Array.from({ length: count * size }, (_, at) => Math.floor(at / size) + 1),
    labels: Uint8Array.from({ length: count }, (_, at) => at % classes),
  };
};

const taskOf = (options: ImageOptions = {}, count = 40): ImageTask =>
  new ImageTask(tiny, options, { train: setOf(count), test: setOf(5) });

/** Which images a batch holds. */
const numbersOf = ({ pixels, batch }: ImageBatch): number[] =>
  Array.from({ length: batch }, (_, at) => Math.round(pixels[at * 6] as number));

describe('a task of images', () => {
  it('goes through all training images in an order of the seed, then again in another', () => {
    const task = taskOf({ validationShare: 0.25, seed: 3 });
    const epochs = [0, 1].map((epoch) => numbersOf(task.batch('train', epoch, 30)));
    expect(epochs[0]).not.toEqual(epochs[1]);
    const held = numbersOf(task.batch('validation', 0, 10));
    for (const epoch of epochs) {
      expect([...epoch, ...held].sort((a, b) => a - b)).toEqual(
        Array.from({ length: 40 }, (_, at) => at + 1),
      );
    }
    expect(numbersOf(taskOf({ validationShare: 0.25, seed: 4 }).batch('train', 0, 30))).not.toEqual(
      epochs[0],
    );
    // What is held out is the same for all seeds of a study.
    expect(numbersOf(taskOf({ validationShare: 0.25, seed: 4 }).batch('validation', 0, 10))).toEqual(held);
  });

  it('makes every batch from the seed and its number alone', () => {
    const options: ImageOptions = {
      shift: 1,
      flip: true,
      mixup: 0.4,
      cutmix: 0.5,
      labelSmoothing: 0.1,
      seed: 9,
    };
    const [one, other] = [taskOf(options), taskOf(options)];
    for (let step = 0; step < 12; step++) one.batch('train', step, 8);
    expect(other.batch('train', 12, 8)).toEqual(one.batch('train', 12, 8));
    expect(other.batch('train', 12, 8)).not.toEqual(one.batch('train', 13, 8));
  });

  it('draws what becomes of an image whatever the batches are', () => {
    const task = taskOf({ shift: 1, flip: true });
    const { pixels } = task.batch('train', 0, 8);
    const halves = [0, 1].map((step) => task.batch('train', step, 4).pixels);
    expect([...pixels]).toEqual(halves.flatMap((half) => [...half]));
  });

  it('smooths labels of training and no others', () => {
    const { labels } = taskOf({ labelSmoothing: 0.7 }).batch('train', 0, 1);
    expect([...labels].sort((a, b) => b - a).map((value) => value.toFixed(4))).toEqual([
      '0.4000',
      ...Array(6).fill('0.1000'),
    ]);
    const held = taskOf({ labelSmoothing: 0.7 }).batch('test', 0, 2).labels;
    expect([...held]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('scores rankings', () => {
    const { answers, maxAnswerLength, score, prompts } = taskOf().questions('test', 3, 3);
    // The fifth is the last: the questions start again.
    expect(answers.map(([label]) => label)).toEqual([3, 4, 0]);
    expect(numbersOf(prompts)).toEqual([4, 5, 1]);
    expect(maxAnswerLength).toBe(5);
    const { each, mean } = score([
      [3, 1, 2, 4, 5],
      [0, 1, 2, 3, 4],
      [1, 2, 3, 4, 5],
    ]);
    expect(each).toEqual([
      { top1: 1, top5: 1 },
      { top1: 0, top5: 1 },
      { top1: 0, top5: 0 },
    ]);
    expect(mean['top1']).toBeCloseTo(1 / 3);
    expect(mean['top5']).toBeCloseTo(2 / 3);
    expect(() => score([[1]])).toThrow('tiny score: expected 3 answers, got 1.');
    expect(() => score([[0, 1, 2, 3, 4, 5], [0], [0]])).toThrow('answer 0 ranks 6 classes; 5 count.');
  });

  it('has no top 5 of five classes', () => {
    const few = { ...tiny, classes: 5 };
    const task = new ImageTask(few, {}, { train: setOf(9, few) });
    expect(task.metrics).toEqual([{ name: 'top1', label: 'top-1', chance: 0.2 }]);
    expect(task.questions('train', 0, 2).score([[0], [1]]).each[0]).toHaveProperty('top1');
  });

  it.each<[ImageOptions, string]>([
    [{ shfit: 1 } as ImageOptions, "unknown setting 'shfit', did you mean 'shift'?"],
    [{ mixup: 2, labelSmoothing: -1 }, 'mixup'],
    [{ mean: [1, 2] }, 'mean: expected 1 numbers, one for each channel, got 2.'],
    [{ trainingImages: 41 }, 'trainingImages: 41 of 40 images.'],
  ])('refuses %j', (options, message) => {
    expect(() => taskOf(options)).toThrow(message);
  });

  it('refuses images of another size, and splits that are empty', () => {
    expect(() => new ImageTask(mnist, {}, { train: setOf(3) })).toThrow(
      'expected images of 28 x 28, got 2 x 3.',
    );
    expect(() => taskOf({ validationShare: 0 }).batch('validation', 0, 1)).toThrow(
      'there are no validation images',
    );
  });

  it('uses the first training images where it is told how many', () => {
    const task = taskOf({ trainingImages: 10, validationShare: 0 });
    expect(numbersOf(task.batch('train', 0, 10)).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });
});

describe('changes of an image', () => {
  const source = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const shape = { height: 2, width: 3, channels: 1 };
  const changed = (down: number, right: number, flipped: boolean): number[] => {
    const target = new Float32Array(6).fill(-1);
    writeImage(source, shape, { down, right, flipped }, normalization([0], [1 / 255]), target, 0);
    return [...target].map(Math.round);
  };

  it.each<[number, number, boolean, number[]]>([
    [0, 0, false, [1, 2, 3, 4, 5, 6]],
    [1, 0, false, [0, 0, 0, 1, 2, 3]],
    [-1, 1, false, [0, 4, 5, 0, 0, 0]],
    [0, -2, false, [3, 0, 0, 6, 0, 0]],
    [0, 0, true, [3, 2, 1, 6, 5, 4]],
    [0, 1, true, [0, 3, 2, 0, 6, 5]],
    [5, 0, false, [0, 0, 0, 0, 0, 0]],
  ])('moves by %i down and %i to the right, mirrored: %s', (down, right, flipped, expected) => {
    expect(changed(down, right, flipped)).toEqual(expected);
  });

  it('normalizes each channel by its own mean and deviation', () => {
    const [red, green] = normalization([0.5, 0.25], [0.5, 0.1]);
    expect(red?.[255]).toBe(1);
    expect(green?.[0]).toBeCloseTo(-2.5);
  });

  it('are drawn evenly', () => {
    const random = new PhiloxRandom(1);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 9000; draw++) {
      const { down, right, flipped } = drawChange(random, { shift: 1, flip: true });
      const key = `${down},${right},${flipped}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(18);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(120);
    expect(drawChange(random, { shift: 0, flip: false })).toEqual({ down: 0, right: 0, flipped: false });
  });
});

describe('mixing', () => {
  const image = { height: 4, width: 4, channels: 1 };
  const batch: ImageBatch = {
    batch: 2,
    image,
    classes: 2,
    pixels: Float32Array.from({ length: 32 }, (_, at) => (at < 16 ? 1 : 0)),
    labels: Float32Array.of(1, 0, 0, 1),
  };

  it('blends images and labels in one share', () => {
    const mixed = mixImages(batch, { mixup: 1, cutmix: 0 }, new PhiloxRandom(5));
    const share = mixed.labels[0] as number;
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    for (const [at, expected] of [share, 1 - share, 1 - share, share].entries())
      expect(mixed.labels[at]).toBeCloseTo(expected, 6);
    for (const [at, value] of mixed.pixels.entries())
      expect(value).toBeCloseTo(at < 16 ? share : 1 - share, 6);
  });

  it('puts a rectangle of the next image in, and counts its area', () => {
    let cut = 0;
    for (let seed = 0; seed < 20; seed++) {
      const mixed = mixImages(batch, { mixup: 0, cutmix: 1 }, new PhiloxRandom(seed));
      const own = mixed.pixels.subarray(0, 16).reduce((sum, value) => sum + value, 0);
      expect(mixed.labels[0]).toBeCloseTo(own / 16, 6);
      expect((mixed.labels[0] as number) + (mixed.labels[1] as number)).toBeCloseTo(1, 6);
      const rows = [0, 1, 2, 3].map((row) => mixed.pixels.subarray(4 * row, 4 * row + 4).join());
      // Rows with a hole all have the same one.
      expect(new Set(rows.filter((row) => row !== '1,1,1,1')).size).toBeLessThanOrEqual(1);
      cut += own < 16 ? 1 : 0;
    }
    expect(cut).toBeGreaterThan(10);
  });

  it('leaves a batch alone without a share to draw', () => {
    expect(mixImages(batch, { mixup: 0, cutmix: 0 }, new PhiloxRandom(1))).toBe(batch);
  });

  it.each([0.2, 1])('draws from Beta(a, a) with a = %f: mean and variance', (alpha) => {
    const random = new PhiloxRandom(2);
    const draws = Array.from({ length: 20_000 }, () => drawBeta(random, alpha));
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 2);
  });
});
