import { frechetDistance, type MeanInterval, precisionRecall, wilsonInterval } from '@foretoken/data';
import { loadImages } from '@foretoken/data/node';
import { UsageError } from '../errors.js';
import type { Classifier } from './classifier.js';
import type { ImageRun } from './image-run.js';
import { type SampleOptions, sampleImages } from './sample.js';

/** What samples are worth in the eyes of a classifier, with 95 % intervals. */
export interface SampleFigures {
  readonly samples: number;
  /** Share of the samples that it takes for what they were asked to be. */
  readonly accuracy: MeanInterval;
  /** Between Gaussians of its features of samples and of as many test images; no Inception FID. */
  readonly frechetDistance: MeanInterval;
  readonly precision: MeanInterval;
  readonly recall: MeanInterval;
}

/** Samples that were judged. */
export interface JudgedSamples {
  readonly figures: SampleFigures;
  /** Bytes `[N, channels, height, width]`; number `at` is of class `at % classes`. */
  readonly pixels: Uint8Array;
}

/**
 * Draws images, as many of each class, and compares them with the first test images.
 *
 * @throws UsageError when the classifier knows other classes or images, or there are fewer test images
 */
export async function judgeSamples(
  classifier: Classifier,
  { task, work, coder, tokenizer }: ImageRun,
  samples: number,
  options: SampleOptions,
): Promise<JudgedSamples> {
  classifier.checkShape(tokenizer.config.image);
  if (classifier.task.classes !== task.classes) {
    throw new UsageError(
      `--classifier: it knows ${classifier.task.classes} classes, the run has ${task.classes}.`,
    );
  }
  const { test } = loadImages(classifier.task.name, classifier.task.config.data);
  if (test.count < samples) {
    throw new UsageError(
      `--samples ${samples}: ${classifier.task.name} has only ${test.count} test images to compare with.`,
    );
  }
  const real = await classifier.look(test.pixels.subarray(0, samples * (test.pixels.length / test.count)));
  const labels = Array.from({ length: samples }, (_, at) => at % task.classes);
  const pixels = await coder.decode(await sampleImages(work.model, task, labels, options));
  const generated = await classifier.look(pixels);
  const right = labels.filter((label, at) => generated.classes[at] === label).length;
  return {
    pixels,
    figures: {
      samples,
      accuracy: { mean: right / samples, ...wilsonInterval(right, samples) },
      frechetDistance: frechetDistance(real.features, generated.features),
      ...precisionRecall(real.features, generated.features),
    },
  };
}
