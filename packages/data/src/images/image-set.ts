import { DataFileError } from '../errors.js';

/** Height and width in pixels; channels are 1 for shades of grey, 3 for red, green and blue. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images with their classes, as stored. */
export interface ImageSet extends ImageShape {
  readonly count: number;
  /** `[count, channels, height, width]` */
  readonly pixels: Uint8Array;
  /** `[count]` */
  readonly labels: Uint8Array;
}

export const describeShape = ({ height, width, channels }: ImageShape): string =>
  channels === 1 ? `${height} x ${width}` : `${height} x ${width} x ${channels}`;

/** @throws DataFileError for a label that no class has */
export function checkLabels(label: string, labels: Uint8Array, classes: number): void {
  const wrong = labels.findIndex((value) => value >= classes);
  if (wrong >= 0) {
    throw new DataFileError(
      `${label}: image ${wrong} has label ${labels[wrong]}; labels of ${classes} classes run from 0 to ${classes - 1}.`,
    );
  }
}

/** Several sets of one shape, one after the other. */
export function joinImageSets([first, ...others]: readonly [ImageSet, ...ImageSet[]]): ImageSet {
  if (others.length === 0) return first;
  const sets = [first, ...others];
  const join = (parts: readonly Uint8Array[]): Uint8Array => {
    const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
  return {
    ...first,
    count: sets.reduce((sum, { count }) => sum + count, 0),
    pixels: join(sets.map(({ pixels }) => pixels)),
    labels: join(sets.map(({ labels }) => labels)),
  };
}
