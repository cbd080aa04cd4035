import type { ImageShape } from '@foretoken/models';
import { PNG } from 'pngjs';

export interface PictureGridOptions {
  /** Images in a row. */
  readonly columns: number;
  /** Pixels of the picture for each one of an image. Default so many that an image is at least 56 wide. */
  readonly scale?: number;
  /** Pixels between images. Default 2. */
  readonly gap?: number;
}

const BACKGROUND = 128;
const LEAST_WIDTH = 56;

/**
 * A PNG of images side by side, row by row.
 *
 * @param pixels - bytes `[N, channels, height, width]` with 1 channel (grey) or 3 (red, green, blue)
 */
export function pictureGrid(
  pixels: Uint8Array,
  { channels, height, width }: ImageShape,
  { columns, scale = Math.ceil(LEAST_WIDTH / width), gap = 2 }: PictureGridOptions,
): Uint8Array {
  const each = channels * height * width;
  const count = pixels.length / each;
  const rows = Math.ceil(count / columns);
  const [cellHeight, cellWidth] = [height * scale + gap, width * scale + gap];
  const png = new PNG({ width: columns * cellWidth + gap, height: rows * cellHeight + gap });
  png.data.fill(BACKGROUND);
  for (let at = 3; at < png.data.length; at += 4) png.data[at] = 255;
  for (let image = 0; image < count; image++) {
    const [top, left] = [gap + Math.floor(image / columns) * cellHeight, gap + (image % columns) * cellWidth];
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const place = Math.floor(y / scale) * width + Math.floor(x / scale);
        const target = 4 * ((top + y) * png.width + left + x);
        for (let channel = 0; channel < 3; channel++) {
          const source = image * each + (channels === 1 ? 0 : channel) * height * width + place;
          png.data[target + channel] = pixels[source] as number;
        }
      }
    }
  }
  return PNG.sync.write(png);
}
