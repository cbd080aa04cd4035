import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { parseCifar } from '../../src/images/cifar.js';
import { type ImageDataSet, imageDataSets } from '../../src/images/data-sets.js';
import { parseIdx } from '../../src/images/idx.js';
import { findImageFolder, imageFiles, loadImageTask } from '../../src/node/index.js';
import { dataPath } from '../support/data-folder.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-images-'));
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

let made = 0;
/** A folder with these files. */
function folderWith(files: Readonly<Record<string, Uint8Array>>): string {
  const folder = join(scratch, String(made++));
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** IDX of bytes. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}

const pixels = (count: number): Uint8Array => Uint8Array.from({ length: count * 784 }, (_, at) => at % 251);
const labels = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, at) => at % 10);
const images = (count: number): Uint8Array => idx([count, 28, 28], pixels(count));

/** The files of MNIST, with some replaced. */
const mnist = (changes: Readonly<Record<string, Uint8Array>> = {}): string =>
  folderWith({
    'train-images-idx3-ubyte': images(20),
    'train-labels-idx1-ubyte': idx([20], labels(20)),
    't10k-images-idx3-ubyte': images(4),
    't10k-labels-idx1-ubyte': idx([4], labels(4)),
    ...changes,
  });

describe('IDX', () => {
  it('is read as its header says', () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
    expect(parseIdx('x', idx([1, 2, 3], data), 3)).toEqual({ shape: [1, 2, 3], data: Buffer.from(data) });
  });

  it.each<[string, Uint8Array, number, string]>([
    [
      'text',
      Buffer.from('<!DOCTYPE html>'),
      3,
      'begins with 00 00 08 03; found 3c 21 44 4f. This is no IDX file.',
    ],
    [
      'labels for images',
      idx([2], labels(2)),
      3,
      'It holds 1 dimensions instead of 3: are these the labels?',
    ],
    ['images for labels', images(1), 1, 'It holds 3 dimensions instead of 1: are these the images?'],
    ['floats', Uint8Array.of(0, 0, 0x0d, 3, 0, 0, 0, 0), 3, 'It holds 32-bit floats.'],
    [
      'a header cut off',
      images(2).subarray(0, 9),
      3,
      '9 bytes are too few for an IDX header of 16. Is the download complete?',
    ],
    ['nothing', new Uint8Array(0), 3, '0 bytes are too few'],
    [
      'data cut off',
      images(2).subarray(0, 1000),
      3,
      'the header says 2 x 28 x 28, which is 1568 bytes; 984 follow it. Is the download complete?',
    ],
    [
      'more than it says',
      Buffer.concat([images(1), Buffer.alloc(5)]),
      3,
      '784 bytes; 789 follow it. Is it another file?',
    ],
  ])('%s is refused', (_, bytes, rank, message) => {
    expect(() => parseIdx('file', bytes, rank)).toThrow(message);
  });
});

describe('CIFAR', () => {
  /** Images whose bytes tell image, channel and place. */
  const record = (given: readonly number[], image: number): Uint8Array =>
    Buffer.concat([
      Buffer.from(given),
      Buffer.from(Array.from({ length: 3072 }, (_, at) => 80 * Math.floor(at / 1024) + (at % 16) + image)),
    ]);

  it('has a label and three planes for each image', () => {
    const set = parseCifar('x', Buffer.concat([record([7], 0), record([2], 1)]), 1);
    expect(set).toMatchObject({ count: 2, height: 32, width: 32, channels: 3 });
    expect([...set.labels]).toEqual([7, 2]);
    expect([...set.pixels.subarray(1024, 1027)]).toEqual([80, 81, 82]);
    expect(set.pixels[3072]).toBe(1);
  });

  it('of a hundred classes has a coarse and a fine label, of which the fine one counts', () => {
    expect([...parseCifar('x', Buffer.concat([record([1, 99], 0), record([2, 5], 1)]), 2).labels]).toEqual([
      99, 5,
    ]);
  });

  it.each([0, 3000, 3074])('of %i bytes is refused', (length) => {
    expect(() => parseCifar('file', new Uint8Array(length), 1)).toThrow(
      `file: ${length} bytes are no whole number of images of 3073 bytes`,
    );
  });
});

describe('a folder of MNIST', () => {
  it('is read plain, packed, and under other names', () => {
    const packed = Object.fromEntries(
      Object.entries({
        'train10k-images-idx3-ubyte.gz': images(20),
        'train10k-labels.idx1-ubyte.gz': idx([20], labels(20)),
        't10k-images-idx3-ubyte.gz': images(4),
        't10k-labels-idx1-ubyte.gz': idx([4], labels(4)),
      }).map(([name, bytes]) => [name, gzipSync(bytes)]),
    );
    const [plain, other] = [mnist(), folderWith(packed)].map((data) => loadImageTask('mnist', { data }));
    expect(plain?.exampleCount('train')).toBe(19);
    expect(plain?.exampleCount('validation')).toBe(1);
    expect(plain?.exampleCount('test')).toBe(4);
    expect(other?.batch('train', 0, 5)).toEqual(plain?.batch('train', 0, 5));
    expect(plain?.describeReports()[0]).toBe('MNIST train: 19 images of 28 x 28, 10 classes');
  });

  it('may lie in the folder that is given, or in that of all data sets', () => {
    const root = join(scratch, 'all');
    mkdirSync(join(root, 'mnist'), { recursive: true });
    const dataSet = imageDataSets.find(({ name }) => name === 'mnist') as ImageDataSet;
    expect(findImageFolder(dataSet, root)).toBe(join(root, 'mnist'));
    expect(findImageFolder(dataSet, join(root, 'mnist'))).toBe(join(root, 'mnist'));
    vi.stubEnv('FORETOKEN_DATA', root);
    expect(findImageFolder(dataSet, null)).toBe(join(root, 'mnist'));
    expect(() => findImageFolder(dataSet, join(root, 'nowhere'))).toThrow(
      /mnist: there is no folder .*nowhere\. Give the one with the files of MNIST as task\.data/,
    );
  });

  it('names its files, which a run depends on', () => {
    const dataSet = imageDataSets.find(({ name }) => name === 'mnist') as ImageDataSet;
    expect(imageFiles(dataSet, { data: mnist() }).map((path) => path.replace(/.*\//, ''))).toEqual([
      'train-images-idx3-ubyte',
      'train-labels-idx1-ubyte',
      't10k-images-idx3-ubyte',
      't10k-labels-idx1-ubyte',
    ]);
  });

  it.each<[string, Readonly<Record<string, Uint8Array>>, RegExp]>([
    [
      'fewer labels than images',
      { 'train-labels-idx1-ubyte': idx([19], labels(19)) },
      /train-images-idx3-ubyte has 20 images and .*train-labels-idx1-ubyte 19 labels\./,
    ],
    [
      'a label too large',
      { 't10k-labels-idx1-ubyte': idx([4], Uint8Array.of(0, 1, 10, 3)) },
      /t10k-labels-idx1-ubyte: image 2 has label 10; labels of 10 classes run from 0 to 9\./,
    ],
    [
      'images of another size',
      { 't10k-images-idx3-ubyte': idx([4, 14, 14], new Uint8Array(784)) },
      /mnist: expected images of 28 x 28, got 14 x 14\./,
    ],
    [
      'an empty file, though it is there packed as well',
      { 't10k-images-idx3-ubyte': new Uint8Array(0), 't10k-images-idx3-ubyte.gz': images(4) },
      /t10k-images-idx3-ubyte: the file is empty\./,
    ],
  ])('%s is refused', (_, changes, message) => {
    expect(() => loadImageTask('mnist', { data: mnist(changes) })).toThrow(message);
  });

  it('says which files it cannot choose between', () => {
    expect(() =>
      loadImageTask('mnist', { data: mnist({ 'train10k-images-idx3-ubyte': images(1) }) }),
    ).toThrow(/expected one file train-images-idx3-ubyte\[\.gz\], found .*, .*\. Move the others away\./);
  });

  it('says which file is no gzip, and which breaks off', () => {
    const whole = {
      'train-labels-idx1-ubyte.gz': gzipSync(idx([20], labels(20))),
      't10k-images-idx3-ubyte.gz': gzipSync(images(4)),
      't10k-labels-idx1-ubyte.gz': gzipSync(idx([4], labels(4))),
    };
    const packed = gzipSync(images(20));
    const load = (bytes: Uint8Array) =>
      loadImageTask('mnist', { data: folderWith({ ...whole, 'train-images-idx3-ubyte.gz': bytes }) });
    expect(() => load(images(20))).toThrow(
      /train-images-idx3-ubyte\.gz: its name ends in \.gz, and it is no gzip file/,
    );
    expect(() => load(packed.subarray(0, packed.length - 20))).toThrow(
      /not a whole gzip file: unexpected end of file\. Is the download/,
    );
    const damaged = Buffer.from(packed);
    damaged[damaged.length - 5] = 1 ^ (damaged[damaged.length - 5] as number);
    expect(() => load(damaged)).toThrow(/train-images-idx3-ubyte\.gz: not a whole gzip file: /);
  });

  it('says what is missing', () => {
    const folder = folderWith({ 'train-images-idx3-ubyte': images(2) });
    expect(() => loadImageTask('mnist', { data: folder })).toThrow(
      /expected train-labels-idx1-ubyte\[\.gz\]; the folder holds train-images-idx3-ubyte\./,
    );
    expect(() => loadImageTask('mnits', { data: folder })).toThrow("did you mean 'mnist'?");
  });
});

const real = dataPath('mnist');
describe.skipIf(real === undefined)('the data sets themselves', () => {
  it.each([
    ['fashion-mnist', { train: 10_000, test: 10_000 }, 9, 'ankle boot'],
    ['cifar10', { train: 3000, test: 1000 }, 3, 'cat'],
  ] as const)('%s has the images and classes that are known of it', (name, counts, label, className) => {
    const folder = dataPath(name === 'cifar10' ? 'cifar10-small' : name) as string;
    const task = loadImageTask(name, { data: folder, validationShare: 0 });
    expect(task.exampleCount('train')).toBe(counts.train);
    expect(task.exampleCount('test')).toBe(counts.test);
    const { answers, prompts } = task.questions('test', 0, 1);
    expect(answers[0]?.[0]).toBe(label);
    expect(task.className(label)).toBe(className);
    if (name !== 'cifar10') return;
    // The first pixel is (158, 112, 49).
    const { mean, std } = task.normalization;
    const bytes = [0, 1024, 2048].map((at, channel) =>
      Math.round(
        255 * ((prompts.pixels[at] as number) * (std[channel] as number) + (mean[channel] as number)),
      ),
    );
    expect(bytes).toEqual([158, 112, 49]);
  });
});
