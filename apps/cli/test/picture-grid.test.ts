import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { pictureGrid } from '../src/images/picture-grid.js';

/** Red, green, blue and opacity of the pixel in row `y` and column `x`. */
const at = ({ data, width }: PNG, y: number, x: number): number[] => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
];

it('a picture has images row by row, each pixel as a square, with gaps around', () => {
  // Three images of 1 by 2 grey pixels, two in a row.
  const pixels = Uint8Array.of(10, 20, 30, 40, 50, 60);
  const image = { channels: 1, height: 1, width: 2 };
  const png = PNG.sync.read(Buffer.from(pictureGrid(pixels, image, { columns: 2, scale: 3, gap: 1 })));
  // Two images of 6 by 3 with three gaps, and two rows of them.
  expect([png.width, png.height]).toEqual([15, 9]);
  const row = (y: number): number[] => Array.from({ length: 15 }, (_, x) => at(png, y, x)[0] as number);
  const [gap, upper] = [
    Array<number>(15).fill(128),
    [128, 10, 10, 10, 20, 20, 20, 128, 30, 30, 30, 40, 40, 40, 128],
  ];
  // The second row has one image.
  const lower = [128, 50, 50, 50, 60, 60, 60, ...Array<number>(8).fill(128)];
  const rows = [gap, upper, upper, upper, gap, lower, lower, lower, gap];
  expect(rows.map((_, y) => row(y))).toEqual(rows);
  // Grey in all three colours, and nothing is transparent.
  expect(at(png, 5, 1)).toEqual([50, 50, 50, 255]);
  expect(at(png, 0, 0)).toEqual([128, 128, 128, 255]);
});

it('three channels are red, green and blue', () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const image = { channels: 3, height: 2, width: 1 };
  const png = PNG.sync.read(Buffer.from(pictureGrid(pixels, image, { columns: 1, scale: 1, gap: 0 })));
  expect([png.width, png.height]).toEqual([1, 2]);
  expect([at(png, 0, 0), at(png, 1, 0)]).toEqual([
    [1, 3, 5, 255],
    [2, 4, 6, 255],
  ]);
});

it('small images are drawn at least 56 pixels wide', () => {
  const pixels = new Uint8Array(20 * 20);
  const image = { channels: 1, height: 20, width: 20 };
  const png = PNG.sync.read(Buffer.from(pictureGrid(pixels, image, { columns: 1 })));
  expect([png.width, png.height]).toEqual([64, 64]);
});
