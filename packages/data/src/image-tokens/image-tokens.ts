import { printable, quote } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { MOST_CODES, MOST_TIME } from '../limits.js';

/** Images as tokens: codes of a codebook, row by row, and what is in each image. */
export interface ImageTokens {
  /** N: images. */
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** K: codes lie in 0..K-1. */
  readonly codes: number;
  /** Classes lie in 0..classes-1; 0 where the images have none. */
  readonly classes: number;
  /** `[N, height, width]`, row-major. */
  readonly tokens: Int32Array;
  /** The class of each image, `[N]`; empty where the images have none. */
  readonly labels: Int32Array;
}

/** The first value outside of 0..bound-1, as words. */
function outside(values: Int32Array, bound: number): string | undefined {
  const at = values.findIndex((value) => value < 0 || value >= bound);
  return at < 0 ? undefined : `${values[at]} at ${at}; expected 0 to ${bound - 1}`;
}

/**
 * Checks that the arrays of image tokens belong together.
 *
 * @param owner - the file that they are from
 * @throws DataFileError naming the first thing that does not fit
 */
export function checkImageTokens(owner: string, images: ImageTokens): void {
  const { count, height, width, codes, classes, tokens, labels } = images;
  const refuse = (problem: string): never => {
    throw new DataFileError(`${printable(owner)}: ${problem}.`);
  };
  const limits = { height: MOST_TIME, width: MOST_TIME, codes: MOST_CODES, classes: MOST_CODES };
  for (const [name, most] of Object.entries(limits)) {
    const value = images[name as keyof typeof limits];
    const least = name === 'classes' ? 0 : 1;
    if (!Number.isInteger(value) || value < least || value > most)
      refuse(
        `${name} is ${quote(value)}, expected a whole number from ${least} to ${most.toLocaleString('en')}`,
      );
  }
  if (height * width >= MOST_TIME)
    refuse(`images of ${height} by ${width} tokens have more than ${MOST_TIME - 1}`);
  if (count === 0) refuse('there are no images');
  if (tokens.length !== count * height * width) {
    refuse(`${tokens.length} tokens are not ${count} images of ${height} by ${width}`);
  }
  const expected = classes === 0 ? 0 : count;
  if (labels.length !== expected)
    refuse(`${labels.length} labels for ${count} images of ${classes} classes; expected ${expected}`);
  const wrongToken = outside(tokens, codes);
  if (wrongToken !== undefined) refuse(`token ${wrongToken} (the codebook has ${codes} codes)`);
  const wrongLabel = outside(labels, classes);
  if (wrongLabel !== undefined) refuse(`label ${wrongLabel}`);
}

/** Some of the images, in the order of their numbers. */
export function selectImages(images: ImageTokens, numbers: ArrayLike<number>): ImageTokens {
  const { height, width, labels, classes } = images;
  const cells = height * width;
  const tokens = new Int32Array(numbers.length * cells);
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number;
    tokens.set(images.tokens.subarray(number * cells, (number + 1) * cells), at * cells);
  }
  const chosen = classes === 0 ? [] : Array.from(numbers, (number) => labels[number] as number);
  return { ...images, count: numbers.length, tokens, labels: Int32Array.from(chosen) };
}
