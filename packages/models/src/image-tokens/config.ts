import { ConfigError } from '@foretoken/nn';
import { z } from 'zod';
import { layerCount } from '../config.js';

const count = z.int().positive().max(65_536);

const image = z.strictObject({ channels: count, height: count, width: count });

const shared = {
  /** Images as `[channels, height, width]`. */
  image,
  /** Height and width of a patch, which becomes one token. */
  patch: count,
  /** K: codes of the codebook. */
  codes: z.int().min(2).max(65_536),
};

const schema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('patch-codebook'), ...shared }),
    z.strictObject({
      kind: z.literal('vq-autoencoder'),
      ...shared,
      /** E: numbers of a code. */
      codeWidth: count.default(8),
      /** Of the transformers that encode and decode. */
      width: count.default(64),
      layers: layerCount.default(2),
      heads: count.default(4),
    }),
  ])
  .superRefine((config, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    const { image, patch } = config;
    if (image.height % patch !== 0 || image.width % patch !== 0) {
      refuse(
        'patch',
        `images of ${image.height} x ${image.width} do not divide into patches of ${patch} x ${patch}.`,
      );
    }
    if (config.kind === 'vq-autoencoder' && config.width % config.heads !== 0) {
      refuse('heads', `width (${config.width}) must be a multiple of heads (${config.heads}).`);
    }
  });

/** Channels, height and width of images. */
export type ImageShape = z.output<typeof image>;

export type ImageTokenizerConfigInput = z.input<typeof schema>;

/** A complete description of an image tokenizer. */
export type ImageTokenizerConfig = z.output<typeof schema>;

export type ImageTokenizerKind = ImageTokenizerConfig['kind'];

/** The config of one kind. */
export type ConfigOf<Kind extends ImageTokenizerKind> = Extract<ImageTokenizerConfig, { kind: Kind }>;

/** @throws ConfigError listing everything that is wrong, in one line */
export function imageTokenizerConfig(input: unknown): ImageTokenizerConfig {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(': '));
  throw new ConfigError(`image tokenizer: ${problems.join(' ')}`);
}

/** Rows and columns of the tokens of an image. */
export function tokenGrid({ image: { height, width }, patch }: ImageTokenizerConfig): {
  readonly height: number;
  readonly width: number;
} {
  return { height: height / patch, width: width / patch };
}
