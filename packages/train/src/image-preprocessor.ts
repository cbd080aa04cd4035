import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageTask } from '@foretoken/data';
import { oneLine } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { z } from 'zod';
import { RecipeError } from './errors.js';

/** Bytes of such a file, at most. */
const MOST_BYTES = 2 ** 20;

/** How images are made ready for a model, beside its config.json, as Hugging Face has it. */
export const PREPROCESSOR_FILE = 'preprocessor_config.json';

/** What a training with these images expects of others. */
export function preprocessorOf({ image, normalization }: ImageTask): object {
  return {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: image.height, width: image.width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: normalization.mean,
    image_std: normalization.std,
  };
}

/** What the classes are called, for config.json. */
export function classLabels(task: ImageTask): Readonly<Record<string, object>> {
  const names = Array.from({ length: task.classes }, (_, label) => task.className(label));
  return {
    id2label: Object.fromEntries(names.map((name, label) => [String(label), name])),
    label2id: Object.fromEntries(names.map((name, label) => [name, label])),
  };
}

const schema = z.looseObject({
  do_normalize: z.boolean().default(true),
  image_mean: z.array(z.number()).optional(),
  image_std: z.array(z.number().positive()).optional(),
});

/** What pixels, counted from 0 to 1, are normalized by. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * How images were normalized that a model was trained with; undefined where its folder does not say.
 *
 * @throws RecipeError for a file that says it in a way that cannot be read
 */
export function readNormalization(folder: string, channels: number): Normalization | undefined {
  const path = join(folder, PREPROCESSOR_FILE);
  if (!existsSync(path)) return undefined;
  let fields: z.output<typeof schema>;
  try {
    fields = schema.parse(readJsonFile(path, { maxBytes: MOST_BYTES }));
  } catch (cause) {
    throw new RecipeError(`${path}: cannot be read: ${oneLine((cause as Error).message)}.`, {
      cause,
    });
  }
  const { do_normalize: normalizes, image_mean: mean, image_std: std } = fields;
  if (!normalizes) return { mean: new Array(channels).fill(0), std: new Array(channels).fill(1) };
  return mean === undefined || std === undefined ? undefined : { mean, std };
}
