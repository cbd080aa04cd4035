// N images, B of them at a time, C channels, D width of a feature vector.
import { type FeatureSet, ImageTask } from '@foretoken/data';
import type { ImageClassifier, ImageShape } from '@foretoken/models';
import type { Device, Tensor } from '@foretoken/tensor';
import { ImageWork, trainedSession } from '@foretoken/train';
import { UsageError } from '../errors.js';

/** What a classifier makes of images. */
export interface SeenImages {
  /** What its head reads, a vector for each image. */
  readonly features: FeatureSet;
  /** The likeliest class of each image. */
  readonly classes: Int32Array;
}

/** Images at a time. */
const BATCH = 128;

/** A trained classifier of images, which judges others by its features and its classes. */
export class Classifier {
  readonly #step;

  private constructor(
    device: Device,
    readonly task: ImageTask,
    readonly model: ImageClassifier,
    readonly dispose: () => void,
  ) {
    this.#step = device.compile(
      ({ pixels }: { pixels: Tensor }) => ({
        features: model.features(pixels),
        classes: model.forward(pixels).argmax(-1),
      }),
      { name: 'features' },
    );
  }

  /** @throws UsageError when the run is none of a classifier; errors of files in one line */
  static async open(device: Device, path: string): Promise<Classifier> {
    const session = await trainedSession(device, path);
    const { work } = session;
    if (!(work instanceof ImageWork) || !(work.task instanceof ImageTask)) {
      session.dispose();
      throw new UsageError(`${path}: the run is of ${work.task.name}, not of a classifier of images.`);
    }
    return new Classifier(device, work.task, work.model, () => session.dispose());
  }

  /** @throws UsageError when it was trained on images of another shape */
  checkShape({ channels, height, width }: ImageShape): void {
    const { image } = this.task;
    if (image.channels === channels && image.height === height && image.width === width) return;
    throw new UsageError(
      `--classifier: it reads images of ${image.channels} x ${image.height} x ${image.width}, the tokens are of ${channels} x ${height} x ${width}.`,
    );
  }

  /** @param pixels - bytes `[N, C, height, width]` */
  async look(pixels: Uint8Array): Promise<SeenImages> {
    const { channels, height, width } = this.task.image;
    const { mean, std } = this.task.normalization;
    const [plane, each] = [height * width, channels * height * width];
    const count = pixels.length / each;
    const classes = new Int32Array(count);
    let values = new Float32Array(0);
    let featureWidth = 0;
    for (let first = 0; first < count; first += BATCH) {
      const part = new Float32Array(BATCH * each);
      const used = Math.min(BATCH, count - first);
      for (let at = 0; at < used * each; at++) {
        const channel = Math.floor(at / plane) % channels;
        const value = (pixels[first * each + at] as number) / 255;
        part[at] = (value - (mean[channel] as number)) / (std[channel] as number);
      }
      const shape = [BATCH, channels, height, width];
      const found = this.#step.run({ pixels: { data: part, shape } });
      const [features, likeliest] = await Promise.all([found.features.data(), found.classes.data()]);
      featureWidth = features.length / BATCH;
      if (first === 0) values = new Float32Array(count * featureWidth);
      values.set((features as Float32Array).subarray(0, used * featureWidth), first * featureWidth);
      classes.set((likeliest as Int32Array).subarray(0, used), first);
    }
    return { features: { values, count, width: featureWidth }, classes };
  }
}
