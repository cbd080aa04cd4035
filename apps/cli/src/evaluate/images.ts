import { loadImageTask } from '@foretoken/data/node';
import { loadPretrainedClassifier } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import {
  classifyImages,
  confusionMatrix,
  questionFigures,
  questionUnits,
  readNormalization,
} from '@foretoken/train';
import type { SplitName } from './data.js';
import type { OnProgress, Outcome } from './outcome.js';
import type { ImagesTask } from './tasks.js';

export interface ImageSettings {
  /** Folder of the data set. */
  readonly data: string | undefined;
  readonly split: SplitName;
  readonly limit?: number | undefined;
  readonly batch?: number | undefined;
}

/**
 * Classes of images, ranked by a classifier that reads them as it was trained to.
 *
 * @param folder - of its checkpoint
 */
export async function imagesOf(
  device: Device,
  folder: string,
  { dataSet }: ImagesTask,
  { data, split, limit, batch }: ImageSettings,
  onProgress: OnProgress,
): Promise<Outcome> {
  const { model } = await loadPretrainedClassifier(device, folder);
  try {
    const { channels } = model.config.image;
    const normalization = readNormalization(folder, channels);
    const task = loadImageTask(dataSet, {
      ...(data === undefined ? {} : { data }),
      ...(normalization && { mean: [...normalization.mean], std: [...normalization.std] }),
    });
    const images = await classifyImages(model, task, { split, limit, batch, onProgress });
    const classNames = Array.from({ length: task.classes }, (_, label) => task.className(label));
    return {
      figures: questionFigures(task.metrics),
      units: questionUnits(images),
      facts: { images: images.length, split, classNames, confusion: confusionMatrix(images, task.classes) },
      samples: images,
      notes:
        normalization === undefined
          ? [
              `no preprocessor_config.json says how images are normalized; taken is what ${task.dataSet.title} has`,
            ]
          : [],
    };
  } finally {
    model.dispose();
  }
}
