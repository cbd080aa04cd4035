import { isJsonObject } from '@foretoken/input';
import { ConfigError } from '@foretoken/nn';
import { z } from 'zod';
import { type TransformerConfig, type TransformerConfigInput, transformerConfig } from '../config.js';

const count = z.int().positive().max(65_536);

/** Which tokens of a transformer follow from the image; the rest of its config is `trunk`. */
type FromImage = 'vocabularySize' | 'channelVocabularySizes' | 'maxPositions' | 'grid' | 'tiedEmbeddings';

/** Settings of an image classifier, with what each means. */
export const imageClassifierConfigSchema = z.strictObject({
  image: z
    .strictObject({ height: count, width: count, channels: count })
    .describe('of the images, in pixels; channels are 3 for colours, 1 for shades of grey'),
  patch: count.describe('height and width of a patch, in pixels'),
  classes: count,
  classToken: z.boolean().default(true).describe('a learned token in front of the patches'),
  distillation: z
    .enum(['none', 'token', 'head'])
    .default('none')
    .describe(
      "DeiT's second token in front (arXiv 2012.12877): `none`; a `token` that is seen and not read; or one with a `head` of its own, whose logits are averaged with those of the first",
    ),
  registers: z
    .int()
    .nonnegative()
    .max(4096)
    .default(0)
    .describe('learned tokens behind those, which no head reads (arXiv 2309.16588)'),
  pooling: z
    .enum(['class', 'mean'])
    .default('class')
    .describe('what the head reads: the class token, or the mean of all patches'),
  trunk: z.custom<Omit<TransformerConfigInput, FromImage>>(isJsonObject, 'expected an object'),
});

/** What a caller writes; the trunk's tokens and positions follow from the image. */
export type ImageClassifierConfigInput = z.input<typeof imageClassifierConfigSchema>;

/** A complete description of a vision transformer that classifies images. */
export interface ImageClassifierConfig extends Omit<z.output<typeof imageClassifierConfigSchema>, 'trunk'> {
  readonly trunk: TransformerConfig;
}

/** Tokens in front of the patches: class token, distillation token, registers, in this order. */
export const tokensInFront = ({
  classToken,
  distillation,
  registers,
}: Pick<ImageClassifierConfig, 'classToken' | 'distillation' | 'registers'>): number =>
  (classToken ? 1 : 0) + (distillation === 'none' ? 0 : 1) + registers;

/** Rows and columns of patches. */
export const patchGrid = ({
  image,
  patch,
}: Pick<ImageClassifierConfig, 'image' | 'patch'>): { readonly height: number; readonly width: number } => ({
  height: image.height / patch,
  width: image.width / patch,
});

/**
 * Checks a config and fills in the defaults. A complete config passes unchanged.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function imageClassifierConfig(input: ImageClassifierConfigInput): ImageClassifierConfig {
  const result = imageClassifierConfigSchema.safeParse(input);
  if (!result.success) throw new ConfigError(`ImageClassifierConfig: ${z.prettifyError(result.error)}`);
  const { trunk, ...own } = result.data;
  const { image, patch, classToken, distillation, pooling } = own;
  if (image.height % patch !== 0 || image.width % patch !== 0) {
    throw new ConfigError(
      `ImageClassifierConfig: images of ${image.height} x ${image.width} cannot be cut into patches of ${patch} x ${patch}.`,
    );
  }
  if (pooling === 'class' && !classToken) {
    throw new ConfigError("ImageClassifierConfig: pooling 'class' needs classToken; use pooling 'mean'.");
  }
  if (distillation === 'head' && pooling !== 'class') {
    throw new ConfigError("ImageClassifierConfig: a distillation head needs pooling 'class'.");
  }
  const before = tokensInFront(own);
  const grid = { ...patchGrid(own), before };
  return {
    ...own,
    trunk: transformerConfig({
      ...trunk,
      vocabularySize: before,
      channelVocabularySizes: [],
      maxPositions: before + grid.height * grid.width,
      grid,
      tiedEmbeddings: true,
    }),
  };
}
