import { join } from 'node:path';
import { loadImages } from '@foretoken/data/node';
import type { ImageTokenizer } from '@foretoken/models';
import { loadImageTokenizer } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { formatShare } from '../../format.js';
import { fitCodebook } from '../../images/fit-codebook.js';
import { type MadeTokens, makeTokens } from '../../images/make-tokens.js';
import { jsonFlag, tell, wholeNumber, withDevice } from '../bench/flags.js';

interface Flags {
  readonly data?: string;
  readonly out?: string;
  readonly tokenizer?: string;
  readonly patch: number;
  readonly codes: number;
  readonly rounds: number;
  readonly images: number;
  readonly seed: number;
  readonly json: boolean;
}

function tokenizerFor(
  device: Device,
  { tokenizer, patch, codes, rounds, images, seed }: Flags,
  { train }: ReturnType<typeof loadImages>,
): Promise<ImageTokenizer> {
  if (tokenizer !== undefined) return loadImageTokenizer(device, tokenizer);
  return fitCodebook(device, train, {
    patch,
    codes,
    rounds,
    images,
    seed,
    onRound: ({ round, meanSquaredDistance, deadCodes }) => {
      const dead = deadCodes === 0 ? '' : `, ${deadCodes} dead codes moved`;
      tell(`k-means, round ${round}: mean squared distance ${meanSquaredDistance.toPrecision(4)}${dead}`);
    },
  });
}

function describe({ codes, train, test, tokenizer, picture }: MadeTokens): string {
  const split = ({ file, images, used, perplexity, peakSignalToNoise }: MadeTokens['train']): string =>
    `${file}: ${images} images, ${used} of ${codes} codes used (${formatShare(used / codes)}), perplexity ${perplexity.toFixed(1)}; drawn again with ${peakSignalToNoise.toFixed(2)} dB`;
  return `${split(train)}\n${split(test)}\nTokenizer: ${tokenizer}. What tokens keep: ${picture}\n`;
}

async function tokens(this: void, flags: Flags, name: string): Promise<void> {
  const images = loadImages(name, flags.data ?? null);
  const made = await withDevice(async (device) => {
    const tokenizer = await tokenizerFor(device, flags, images);
    return makeTokens(tokenizer, images, flags.out ?? join('tokens', name));
  });
  process.stdout.write(flags.json ? toJson(made) : describe(made));
}

export const tokensCommand = buildCommand<Flags, [string]>({
  func: tokens,
  docs: {
    brief: 'Turn a data set of images into tokens',
    fullDescription:
      'Learns a codebook of patches by k-means on training images, or takes a tokenizer that is there, and writes tokenizer, train.safetensors, test.safetensors and a picture of what tokens keep. See docs/image-generation.md.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: String, placeholder: 'data-set', brief: 'mnist, fashion-mnist, cifar10 or cifar100' },
      ],
    },
    flags: {
      data: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder with the files of the data set [default = that of FORETOKEN_DATA]',
      },
      out: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder to write [default = tokens/DATA-SET]',
      },
      tokenizer: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder of a tokenizer, instead of learning one',
      },
      patch: { kind: 'parsed', parse: wholeNumber(), default: '4', brief: 'Height and width of a patch' },
      codes: { kind: 'parsed', parse: wholeNumber(2), default: '128', brief: 'Codes of the codebook' },
      rounds: { kind: 'parsed', parse: wholeNumber(), default: '30', brief: 'Rounds of k-means at most' },
      images: {
        kind: 'parsed',
        parse: wholeNumber(),
        default: '4096',
        brief: 'Training images that the codebook is learned from',
      },
      seed: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'Seed of the codebook' },
      json: jsonFlag,
    },
  },
});
