import { join } from 'node:path';
import { loadImages } from '@foretoken/data/node';
import type { CodeUsage, ImageTokenizer, KMeansRound, VqReport } from '@foretoken/models';
import { loadImageTokenizer } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalText, text } from '../../flags.js';
import { formatShare } from '../../format.js';
import { fitAutoencoder } from '../../images/fit-autoencoder.js';
import { fitCodebook } from '../../images/fit-codebook.js';
import { type MadeTokens, makeTokens, peakSignalToNoise } from '../../images/make-tokens.js';
import { tell } from '../../output.js';
import { withDevice } from '../bench/flags.js';
import { type TokenizerFlags, tokenizerFlags, tokenizerKind } from './tokenizer-flags.js';

interface Flags extends TokenizerFlags {
  readonly data?: string;
  readonly out?: string;
  readonly json: boolean;
}

const STEPS = 1500;
/** Images whose patches are many enough for k-means. */
const CODEBOOK_IMAGES = 4096;

const usage = ({ used, perplexity }: CodeUsage, codes: number): string =>
  `${used} of ${codes} codes used (${formatShare(used / codes)}), perplexity ${perplexity.toFixed(1)}`;

const moved = (deadCodes: number): string => (deadCodes === 0 ? '' : `, ${deadCodes} unused codes moved`);

const tellRound = ({ round, meanSquaredDistance, deadCodes }: KMeansRound): void =>
  tell(
    `k-means, round ${round}: mean squared distance ${meanSquaredDistance.toPrecision(4)}${moved(deadCodes)}`,
  );

const tellReport = ({ step, reconstruction, deadCodes, ...found }: VqReport, steps: number, codes: number) =>
  tell(
    `autoencoder, step ${step} of ${steps}: ${peakSignalToNoise(reconstruction).toFixed(2)} dB, ${usage(found, codes)}${moved(deadCodes)}`,
  );

/** A tokenizer that is there. @throws UsageError when it reads images of another shape */
async function loadFor(
  device: Device,
  folder: string,
  { train: { channels, height, width }, dataSet }: ReturnType<typeof loadImages>,
): Promise<ImageTokenizer> {
  const tokenizer = await loadImageTokenizer(device, folder);
  const { image } = tokenizer.config;
  if (image.channels === channels && image.height === height && image.width === width) return tokenizer;
  tokenizer.dispose();
  throw new UsageError(
    `--tokenizer ${folder}: it reads images of ${image.channels} x ${image.height} x ${image.width}, those of ${dataSet.title} are ${channels} x ${height} x ${width}.`,
  );
}

function tokenizerFor(
  device: Device,
  { tokenizer, ...flags }: Flags,
  kind: ReturnType<typeof tokenizerKind>,
  images: ReturnType<typeof loadImages>,
): Promise<ImageTokenizer> {
  if (tokenizer !== undefined) return loadFor(device, tokenizer, images);
  const { train } = images;
  const { patch = 4, codes = 128, seed = 0 } = flags;
  if (kind === 'autoencoder') {
    const { batch, learningRate, commitment, codeWidth, width, layers, heads } = flags;
    const { steps = STEPS, images: learned = train.count } = flags;
    const sizes = { patch, codes, codeWidth, width, layers, heads };
    const training = { steps, batch, learningRate, commitment, images: learned, seed };
    const onReport = (report: VqReport): void => tellReport(report, steps, codes);
    return fitAutoencoder(device, train, { ...sizes, ...training, onReport });
  }
  const { rounds = 30, images: learned = CODEBOOK_IMAGES } = flags;
  return fitCodebook(device, train, { patch, codes, rounds, images: learned, seed, onRound: tellRound });
}

function describe({ codes, train, test, tokenizer, picture }: MadeTokens): string {
  const split = ({ file, images, peakSignalToNoise: ratio, ...found }: MadeTokens['train']): string =>
    `${file}: ${images} images, ${usage(found, codes)}; drawn again with ${ratio.toFixed(2)} dB`;
  return `${split(train)}\n${split(test)}\nTokenizer: ${tokenizer}. What tokens keep: ${picture}\n`;
}

async function tokens(this: void, flags: Flags, name: string): Promise<void> {
  const kind = tokenizerKind(flags);
  const images = loadImages(name, flags.data ?? null);
  const made = await withDevice(async (device) => {
    const tokenizer = await tokenizerFor(device, flags, kind, images);
    return makeTokens(tokenizer, images, flags.out ?? join('tokens', name));
  });
  process.stdout.write(flags.json ? toJson(made) : describe(made));
}

export const tokensCommand = buildCommand<Flags, [string]>({
  func: tokens,
  docs: {
    brief: 'Turn a data set of images into tokens',
    fullDescription:
      'Learns a codebook of patches by k-means or trains a vector-quantising autoencoder on training images, or takes a tokenizer that is there, and writes tokenizer, train.safetensors, test.safetensors and a picture of what tokens keep. See docs/image-generation.md.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: text, placeholder: 'data-set', brief: 'mnist, fashion-mnist, cifar10 or cifar100' },
      ],
    },
    flags: {
      data: optionalText('DIR', 'Folder with the files of the data set [default = that of FORETOKEN_DATA]'),
      out: optionalText('DIR', 'Folder to write [default = tokens/DATA-SET]'),
      ...tokenizerFlags,
      json: jsonFlag,
    },
  },
});
