import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSet } from '@foretoken/data';
import type { loadImages } from '@foretoken/data/node';
import { type CodeUsage, codeUsage, ImageCoder, type ImageTokenizer, tokenGrid } from '@foretoken/models';
import { saveImageTokenizer } from '@foretoken/models/node';
import { writeAtomic, writeImageTokens } from '@foretoken/train';
import { TOKENIZER_FOLDER } from './image-run.js';
import { pictureGrid } from './picture-grid.js';

/** What the tokens of the images of a split are like. */
export interface SplitTokens extends CodeUsage {
  readonly file: string;
  readonly images: number;
  /** Mean squared error of pixels from 0 to 1, drawn again from their tokens. */
  readonly meanSquaredError: number;
  /** Of pixels from 0 to 255, in dB. */
  readonly peakSignalToNoise: number;
}

export interface MadeTokens {
  readonly tokenizer: string;
  readonly height: number;
  readonly width: number;
  readonly codes: number;
  readonly train: SplitTokens;
  readonly test: SplitTokens;
  /** Images above, drawn again from their tokens below. */
  readonly picture: string;
}

/** Images of the picture of what tokens keep. */
const DRAWN = 20;

function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (((a[at] as number) - (b[at] as number)) / 255) ** 2;
  return sum / a.length;
}

/** Of pixels from 0 to 255, in dB, from the mean squared error of pixels from 0 to 1. */
export const peakSignalToNoise = (error: number): number => -10 * Math.log10(error);

/** Encodes the images of a data set and writes tokenizer, tokens and a picture into a folder. */
export async function makeTokens(
  tokenizer: ImageTokenizer,
  { train, test, dataSet }: ReturnType<typeof loadImages>,
  folder: string,
): Promise<MadeTokens> {
  mkdirSync(folder, { recursive: true });
  const { height, width } = tokenGrid(tokenizer.config);
  const { codes } = tokenizer.config;
  const coder = new ImageCoder(tokenizer);
  const encode = async (split: string, set: ImageSet): Promise<SplitTokens> => {
    const tokens = await coder.encode(set.pixels);
    const file = join(folder, `${split}.safetensors`);
    const { classes, name } = dataSet;
    const labels = Int32Array.from(set.labels);
    writeImageTokens(
      file,
      { count: set.count, height, width, codes, classes, tokens, labels },
      { dataSet: name, split },
    );
    const error = meanSquaredError(set.pixels, await coder.decode(tokens));
    return {
      file,
      images: set.count,
      ...codeUsage(tokens, codes),
      meanSquaredError: error,
      peakSignalToNoise: peakSignalToNoise(error),
    };
  };
  try {
    const picture = join(folder, 'tokens.png');
    const shown = test.pixels.subarray(0, DRAWN * test.channels * test.height * test.width);
    const drawn = await coder.decode(await coder.encode(shown));
    writeAtomic(picture, pictureGrid(Buffer.concat([shown, drawn]), test, { columns: DRAWN }));
    await saveImageTokenizer(tokenizer, join(folder, TOKENIZER_FOLDER));
    return {
      tokenizer: join(folder, TOKENIZER_FOLDER),
      height,
      width,
      codes,
      train: await encode('train', train),
      test: await encode('test', test),
      picture,
    };
  } finally {
    coder.dispose();
  }
}
