import { DataFileError } from '../errors.js';
import type { ImageSet } from './image-set.js';

const SIZE = 32;
const CHANNELS = 3;
const PIXELS = CHANNELS * SIZE * SIZE;

/**
 * Reads the binary format of CIFAR: for each image its labels, a byte each, then 1,024 bytes of red, of green and of blue,
 * row by row. CIFAR-10 has one label, CIFAR-100 a coarse and a fine one, of which the fine one counts.
 *
 * @param label - the file, for messages
 * @throws DataFileError when the bytes are no whole number of images
 */
export function parseCifar(label: string, bytes: Uint8Array, labelsOfImage: 1 | 2): ImageSet {
  const length = labelsOfImage + PIXELS;
  const count = Math.floor(bytes.length / length);
  if (count === 0 || bytes.length % length !== 0) {
    throw new DataFileError(
      `${label}: ${bytes.length} bytes are no whole number of images of ${length} bytes (${count} and ${bytes.length % length} bytes more). Is the download complete, and is it the binary version of the data set?`,
    );
  }
  const pixels = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const start = image * length + labelsOfImage;
    labels[image] = bytes[start - 1] as number;
    pixels.set(bytes.subarray(start, start + PIXELS), image * PIXELS);
  }
  return { count, height: SIZE, width: SIZE, channels: CHANNELS, pixels, labels };
}
