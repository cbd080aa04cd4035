import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** IDX of bytes. */
function idx(shape: readonly number[], fill: (at: number) => number): Uint8Array {
  const size = shape.reduce((product, length) => product * length, 1);
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * axis);
  return Buffer.concat([header, Uint8Array.from({ length: size }, (_, at) => fill(at))]);
}

/** Writes a data set like MNIST: image `number` is of class `number % 10`. */
export function writeImages(
  folder: string,
  counts: { readonly train: number; readonly t10k: number },
  pixel: (label: number, row: number, column: number) => number,
): void {
  mkdirSync(folder, { recursive: true });
  for (const [part, count] of Object.entries(counts)) {
    const file = (what: string): string => join(folder, `${part}-${what}-ubyte`);
    const pixelAt = (at: number): number =>
      pixel(Math.floor(at / 784) % 10, Math.floor((at % 784) / 28), at % 28);
    writeFileSync(file('images-idx3'), idx([count, 28, 28], pixelAt));
    writeFileSync(
      file('labels-idx1'),
      idx([count], (at) => at % 10),
    );
  }
}
