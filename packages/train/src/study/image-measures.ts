import { z } from 'zod';
import { RecipeError } from '../errors.js';
import { describeProblems } from '../problems.js';

/** Limits far above what anybody measures or makes. */
const MOST_IMAGES = 10_000_000;
const MOST_SAMPLES = 100_000;
const LARGEST_SIZE = 65_536;

const count = z.int().positive().max(LARGEST_SIZE);
const imageCount = z.int().positive().max(MOST_IMAGES);
const scale = z.number().positive().max(1000);
const path = z.string().min(1);

/** Settings of what is measured on image tokens, with what each means. */
export const imageMeasuresSchema = z.strictObject({
  testImages: imageCount.optional().describe('test images whose loss is measured; all when absent'),
  offsetImages: imageCount.default(256).describe('test images of which the losses by offset are'),
  samples: z
    .int()
    .nonnegative()
    .max(MOST_SAMPLES)
    .default(500)
    .describe(
      'images that are drawn and judged by the classifier, and test images to compare them with; 0 for none',
    ),
  guidance: scale.default(2).describe('classifier-free guidance of what is drawn; 1 for none'),
  temperature: scale.default(1).describe('divides the logits of what is drawn'),
  topK: count.optional().describe('draws among so many of the likeliest tokens only'),
  shownOfEach: count.default(3).describe('rows of the picture of samples: images of each class'),
  viewedImage: z
    .int()
    .nonnegative()
    .max(MOST_IMAGES)
    .default(0)
    .describe('the test image that the drawing of registers is of, counted from 0'),
  classifier: path
    .optional()
    .describe('run folder of the classifier; default the one that was prepared, and none without'),
});

/** How runs on image tokens are measured. */
export type ImageMeasureSettings = z.output<typeof imageMeasuresSchema>;

/** @throws RecipeError listing what is wrong */
export const parseImageMeasures = (settings: unknown): ImageMeasureSettings =>
  parsed(imageMeasuresSchema, settings, 'study, measure');

const preparation = z.strictObject({
  images: z.string().describe('the data set of images'),
  data: path.optional().describe('folder of its files; default that of FORETOKEN_DATA'),
  patch: count.default(4).describe('height and width of a patch'),
  codes: z.int().min(2).max(LARGEST_SIZE).default(128).describe('codes of the codebook'),
  rounds: count.default(30).describe('rounds of k-means at most'),
  codebookImages: imageCount.default(4096).describe('training images that the codebook is learned from'),
  seed: z.int().nonnegative().default(0).describe('seed of the codebook'),
  classifier: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('what the classifier has otherwise than the recipe that ships for the data set'),
});

/** What is made for the runs on image tokens: files of tokens, and a classifier that judges samples. */
export type ImagePreparation = z.output<typeof preparation>;

/** @throws RecipeError listing what is wrong */
export const parseImagePreparation = (settings: unknown, dataset: string): ImagePreparation =>
  parsed(preparation, settings, `study, datasets, ${dataset}, prepare`);

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  settings: unknown,
  place: string,
): z.output<Schema> {
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  throw new RecipeError(`${place}: ${describeProblems(schema, result.error)}`);
}
