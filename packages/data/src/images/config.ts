import { z } from 'zod';
import { LONGEST_TEXT } from '../limits.js';
import { parseSettings } from '../parse-settings.js';

const MOST_IMAGES = 100_000_000;
const MOST_CHANNELS = 16;
/** More moves an image out of itself. */
const MOST_SHIFT = 1024;

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const share = z.number().min(0).max(1);

/** Settings of a task of images and their classes. */
export const imageConfigSchema = z.strictObject({
  data: z
    .string()
    .min(1)
    .max(LONGEST_TEXT)
    .nullable()
    .default(null)
    .describe(
      'folder with the files of the data set; null for the places where `findImageFolder` looks, or when images are handed over',
    ),
  trainingImages: z
    .number()
    .int()
    .min(2)
    .max(MOST_IMAGES)
    .nullable()
    .default(null)
    .describe('training images that are used, the first ones of the file; null for all'),
  validationShare: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.05)
    .describe('share of the training images held out for validation; never taken from the test images'),
  mean: z
    .array(z.number())
    .max(MOST_CHANNELS)
    .nullable()
    .default(null)
    .describe('of each channel, pixels counted from 0 to 1; null for those of the data set'),
  std: z
    .array(z.number().positive())
    .max(MOST_CHANNELS)
    .nullable()
    .default(null)
    .describe('standard deviation of each channel, in the same way'),
  shift: z
    .number()
    .int()
    .min(0)
    .max(MOST_SHIFT)
    .default(0)
    .describe('training images are moved by up to so many pixels each way, black coming in'),
  flip: z.boolean().default(false).describe('half of the training images are mirrored, left to right'),
  labelSmoothing: share
    .lt(1)
    .default(0)
    .describe('share of the label that is spread evenly over all classes, in training'),
  mixup: share
    .default(0)
    .describe(
      'parameter of the Beta distribution of the shares in which two training images are blended (arXiv 1710.09412); 0 for none',
    ),
  cutmix: share
    .default(0)
    .describe(
      'the same for the area of a piece of one that is put into the other (arXiv 1905.04899). Both: each in half of the batches',
    ),
  seed: seed.default(0).describe('order and changes of the training images'),
  heldOutSeed: seed.default(0).describe('which images are held out; the same for all runs of a study'),
});

/** Complete settings, as stored with a run. */
export type ImageConfig = z.output<typeof imageConfigSchema>;

/** Settings as written by a person. */
export type ImageOptions = z.input<typeof imageConfigSchema>;

/**
 * Checks settings and fills in the defaults.
 *
 * @param owner - name of the data set, for messages
 * @throws TaskConfigError with every mistake in one message
 */
export const parseImageConfig = (owner: string, options: unknown): ImageConfig =>
  parseSettings(imageConfigSchema, owner, options, { '': Object.keys(imageConfigSchema.shape) });
