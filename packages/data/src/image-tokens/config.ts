import { z } from 'zod';
import { DATA_FILE_NAMES, dataFilesSchema } from '../data-files.js';
import { parseSettings } from '../parse-settings.js';

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Settings of a task of image tokens. */
export const imageTokensConfigSchema = z.strictObject({
  files: dataFilesSchema
    .nullable()
    .default(null)
    .describe('files of image tokens; null when tokens are handed over'),
  classDropout: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('share of training images whose class is hidden, for guidance (arXiv 2207.12598)'),
  seed: seed.default(0).describe('order of the images, and which lose their class'),
  heldOutSeed: seed.default(0).describe('which images are held out; the same for all runs of a study'),
  validationShare: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.05)
    .describe('share of the training images held out for validation when there is no validation file'),
});

/** Complete settings, as stored with a run. */
export type ImageTokensConfig = z.output<typeof imageTokensConfigSchema>;

/** Settings as written by a person. */
export type ImageTokensOptions = z.input<typeof imageTokensConfigSchema>;

/**
 * Checks settings and fills in the defaults.
 *
 * @throws TaskConfigError with every mistake in one message
 */
export const parseImageTokensConfig = (options: ImageTokensOptions): ImageTokensConfig =>
  parseSettings(imageTokensConfigSchema, 'image tokens', options, {
    '': Object.keys(imageTokensConfigSchema.shape),
    files: DATA_FILE_NAMES,
  });
