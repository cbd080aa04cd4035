import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { nearestName, printable, quote, shorten } from '@foretoken/input';
import { readBytesFile } from '@foretoken/input/node';
import { DataFileError, TaskConfigError } from '../errors.js';
import { parseCifar } from '../images/cifar.js';
import { type ImageOptions, parseImageConfig } from '../images/config.js';
import { type ImageDataSet, imageDataSets } from '../images/data-sets.js';
import { parseIdx } from '../images/idx.js';
import { checkLabels, type ImageSet, joinImageSets } from '../images/image-set.js';
import { ImageTask } from '../images/task.js';
import { dataFolder, findData } from './data-folder.js';
import { isFolder, requireFile, someNames } from './files.js';

/** The first two bytes of gzip. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Bytes of a file, packed or not: the largest part of a data set that is known has 185 million. */
const MOST_BYTES = 2 ** 28;

/**
 * The bytes of a file, unpacked where it is gzip.
 *
 * @throws DataFileError when it is missing, empty, or no whole gzip file though its name says so
 */
function readBytes(path: string): Uint8Array {
  requireFile(path);
  const bytes = readBytesFile(path, { maxBytes: MOST_BYTES, error: DataFileError });
  if (!isGzip(bytes)) {
    if (!path.endsWith('.gz')) return bytes;
    throw new DataFileError(
      `${printable(path)}: its name ends in .gz, and it is no gzip file. Is the download complete?`,
    );
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DataFileError(
        `${printable(path)}: unpacks to more than ${MOST_BYTES.toLocaleString('en')} bytes; no part of the data sets that are known has so many.`,
        { cause },
      );
    }
    throw new DataFileError(
      `${printable(path)}: not a whole gzip file: ${(cause as Error).message}. Is the download complete?`,
      { cause },
    );
  }
}

/** How the files of a part of a data set are called, and how that is written for people. */
interface FilePattern {
  readonly pattern: RegExp;
  readonly expected: string;
}

type Part = 'train' | 'test';

const idxPatterns = (part: Part, what: 'images' | 'labels', rank: number): FilePattern => {
  const word = part === 'train' ? 'train' : 't10k';
  return {
    pattern: new RegExp(`^${word}\\w*-${what}[-.]idx${rank}-ubyte(\\.gz)?$`, 'i'),
    expected: `${word}-${what}-idx${rank}-ubyte[.gz]`,
  };
};

const CIFAR: Readonly<Record<'cifar10' | 'cifar100', Readonly<Record<Part, FilePattern>>>> = {
  cifar10: {
    train: {
      pattern: /^(data_batch_\d|train(_\d+)?)\.bin(\.gz)?$/i,
      expected: 'data_batch_1.bin[.gz] to data_batch_5.bin[.gz]',
    },
    test: { pattern: /^test(_batch|_\d+)?\.bin(\.gz)?$/i, expected: 'test_batch.bin[.gz]' },
  },
  cifar100: {
    train: { pattern: /^train\.bin(\.gz)?$/i, expected: 'train.bin[.gz]' },
    test: { pattern: /^test\.bin(\.gz)?$/i, expected: 'test.bin[.gz]' },
  },
};

/** The files of a folder that a pattern fits; one that is there packed and unpacked counts once. */
function matching(folder: string, { pattern, expected }: FilePattern): string[] {
  const names = readdirSync(folder);
  const found = names.filter((name) => pattern.test(name));
  const once = found.filter((name) => !(name.endsWith('.gz') && found.includes(name.slice(0, -3))));
  if (once.length > 0) return once.sort().map((name) => join(folder, name));
  const held = someNames(names);
  throw new DataFileError(`${folder}: expected ${expected}; the folder holds ${held}.`);
}

function onlyOne(folder: string, pattern: FilePattern): string {
  const [path, ...others] = matching(folder, pattern);
  if (others.length > 0) {
    throw new DataFileError(
      `${folder}: expected one file ${pattern.expected}, found ${[path, ...others].join(', ')}. Move the others away.`,
    );
  }
  return path as string;
}

/** The files of a part of a data set in a folder. */
function filesOf({ format }: ImageDataSet, folder: string, part: Part): string[] {
  if (format !== 'idx') return matching(folder, CIFAR[format][part]);
  return [onlyOne(folder, idxPatterns(part, 'images', 3)), onlyOne(folder, idxPatterns(part, 'labels', 1))];
}

function readIdx([images, labels]: readonly string[]): ImageSet {
  const [imagePath, labelPath] = [images as string, labels as string];
  const { shape, data } = parseIdx(imagePath, readBytes(imagePath), 3);
  const { data: classes } = parseIdx(labelPath, readBytes(labelPath), 1);
  const [count, height, width] = shape as [number, number, number];
  if (classes.length !== count) {
    throw new DataFileError(
      `${imagePath} has ${count} images and ${labelPath} ${classes.length} labels. They must belong together.`,
    );
  }
  return { count, height, width, channels: 1, pixels: data, labels: classes };
}

function readPart(dataSet: ImageDataSet, folder: string, part: Part): ImageSet {
  const paths = filesOf(dataSet, folder, part);
  if (dataSet.format === 'idx') {
    const set = readIdx(paths);
    checkLabels(paths[1] as string, set.labels, dataSet.classes);
    return set;
  }
  const labelsOfImage = dataSet.format === 'cifar10' ? 1 : 2;
  const sets = paths.map((path) => {
    const set = parseCifar(path, readBytes(path), labelsOfImage);
    checkLabels(path, set.labels, dataSet.classes);
    return set;
  });
  return joinImageSets(sets as [ImageSet, ...ImageSet[]]);
}

/** @throws TaskConfigError naming all data sets when none has this name */
export function findImageDataSet(name: string): ImageDataSet {
  const found = imageDataSets.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = imageDataSets.map((each) => each.name);
  const meant = nearestName(name, names);
  throw new TaskConfigError(
    `there is no image data set ${quote(name)}; ${meant === undefined ? `there are ${names.join(', ')}.` : `did you mean '${meant}'?`}`,
  );
}

/**
 * The folder of a data set: `data` itself, or a folder `mnist` (for instance) in it; without `data` the same in the data
 * folder. A folder `mnist-small` with the beginning of a data set stands in for one that is not there.
 *
 * @throws DataFileError when there is none
 */
export function findImageFolder({ name, title }: ImageDataSet, data: string | null): string {
  const root = data === null ? dataFolder() : findData(data);
  // A folder of data sets holds one of its own.
  const places = [join(root, name), join(root, `${name}-small`), ...(data === null ? [] : [root])];
  const found = places.find(isFolder);
  if (found !== undefined) return found;
  throw new DataFileError(
    `${name}: there is no folder ${printable(shorten((data === null ? places[0] : root) ?? name, 200))}. Give the one with the files of ${title} as task.data (--data FOLDER); "foretoken data get ${name}" fetches it.`,
  );
}

/** All files that a task reads, which its results depend on. */
export function imageFiles(dataSet: ImageDataSet, options: ImageOptions): string[] {
  const folder = findImageFolder(dataSet, parseImageConfig(dataSet.name, options).data);
  return (['train', 'test'] as const).flatMap((part) => filesOf(dataSet, folder, part));
}

/** The images of a data set as stored. */
export interface LoadedImages {
  readonly dataSet: ImageDataSet;
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/**
 * Reads the images of a data set: IDX or CIFAR's binary format, packed with gzip or not.
 *
 * @param name - of the data set: `mnist`, `fashion-mnist`, `cifar10`, `cifar100`
 * @param data - as `findImageFolder` takes it
 * @throws TaskConfigError or DataFileError, in one line that says what is wrong and where
 */
export function loadImages(name: string, data: string | null = null): LoadedImages {
  const dataSet = findImageDataSet(name);
  const folder = findImageFolder(dataSet, data);
  return { dataSet, train: readPart(dataSet, folder, 'train'), test: readPart(dataSet, folder, 'test') };
}

/**
 * A task of images from the files of a folder, as `loadImages` reads them.
 *
 * @throws TaskConfigError or DataFileError, in one line that says what is wrong and where
 */
export function loadImageTask(name: string, options: ImageOptions = {}): ImageTask {
  const { dataSet, ...sets } = loadImages(name, parseImageConfig(name, options).data);
  return new ImageTask(dataSet, options, sets);
}
