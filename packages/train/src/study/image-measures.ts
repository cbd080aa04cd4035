import { z } from 'zod';
import { RecipeError } from '../errors.js';
import { describeProblems } from '../problems.js';

const count = z.int().positive();
const path = z.string().min(1);

const measures = z.strictObject({
  /** Test images whose loss is measured; all when absent. */
  testImages: count.optional(),
  /** Test images of which the losses by offset are. */
  offsetImages: count.default(256),
  /** Images that are drawn and judged by the classifier, and test images to compare them with; 0 for none. */
  samples: z.int().nonnegative().default(500),
  /** Classifier-free guidance of what is drawn; 1 for none. */
  guidance: z.number().positive().default(2),
  temperature: z.number().positive().default(1),
  topK: count.optional(),
  /** Rows of the picture of samples: images of each class. */
  shownOfEach: count.default(3),
  /** The test image that the drawing of registers is of, counted from 0. */
  viewedImage: z.int().nonnegative().default(0),
  /** Run folder of the classifier; default the one that was prepared, and none without. */
  classifier: path.optional(),
});

/** How runs on image tokens are measured. */
export type ImageMeasureSettings = z.output<typeof measures>;

/** @throws RecipeError listing what is wrong */
export const parseImageMeasures = (settings: unknown): ImageMeasureSettings =>
  parsed(measures, settings, 'study, measure');

const preparation = z.strictObject({
  /** The data set of images. */
  images: z.string(),
  /** Folder of its files; default that of FORETOKEN_DATA. */
  data: path.optional(),
  /** Height and width of a patch. */
  patch: count.default(4),
  codes: z.int().min(2).default(128),
  /** Rounds of k-means at most. */
  rounds: count.default(30),
  /** Training images that the codebook is learned from. */
  codebookImages: count.default(4096),
  seed: z.int().nonnegative().default(0),
  /** What the classifier has otherwise than the recipe that ships for the data set. */
  classifier: z.record(z.string(), z.unknown()).default({}),
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
