// N images of h x w tokens. The form of the files is described in docs/image-generation.md.
import {
  checkImageTokens,
  DataFileError,
  type DataFiles,
  type ImageTokenSources,
  type ImageTokens,
  TaskConfigError,
} from '@foretoken/data';
import { findData } from '@foretoken/data/node';
import { quote } from '@foretoken/input';
import { readSafetensorsFile } from '@foretoken/models/node';
import { type HostTensor, type SafetensorsContents, SafetensorsError } from '@foretoken/nn';
import { reasonOf, writeTensorsAtomic } from './files.js';

function contentsOf(path: string): SafetensorsContents {
  try {
    return readSafetensorsFile(findData(path));
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw cause;
    throw new DataFileError(
      `cannot read ${path}: ${reasonOf(cause)}. "foretoken images tokens" makes files of image tokens.`,
      { cause },
    );
  }
}

function integersOf(path: string, name: string, { data, dtype }: HostTensor): Int32Array {
  if (dtype === 'i32') return data as Int32Array;
  if (dtype === 'u32') return Int32Array.from(data);
  throw new DataFileError(`${path}: ${name} must be whole numbers (I32, I64 or U32), got ${dtype}.`);
}

function countOf(path: string, name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new DataFileError(`${path}: metadata ${name} must be a whole number, got ${quote(text)}.`);
}

const greatest = (values: Int32Array): number => values.reduce((most, value) => Math.max(most, value), -1);

function parse(path: string): ImageTokens {
  const { tensors, metadata } = contentsOf(path);
  const stored = tensors.get('tokens');
  if (stored === undefined || stored.shape.length !== 3) {
    const found =
      stored === undefined ? `only ${[...tensors.keys()].join(', ')}` : `[${stored.shape.join(', ')}]`;
    throw new DataFileError(`${path}: expected a tensor tokens [images, rows, columns], got ${found}.`);
  }
  const [count, height, width] = stored.shape as [number, number, number];
  const labelled = tensors.get('labels');
  const labels = labelled === undefined ? new Int32Array(0) : integersOf(path, 'labels', labelled);
  const codes = countOf(path, 'codes', metadata['codes']);
  if (codes === undefined) {
    throw new DataFileError(
      `${path}: metadata codes is missing. Save the size of the codebook as text: metadata={"codes": "1024"}.`,
    );
  }
  const classes = countOf(path, 'classes', metadata['classes']) ?? greatest(labels) + 1;
  const tokens = integersOf(path, 'tokens', stored);
  return { count, height, width, codes, classes, tokens, labels };
}

/**
 * Reads image tokens: a safetensors file with `tokens` `[N, h, w]`, `labels` `[N]` where images have classes, and metadata
 * `codes`, the size of the codebook, and `classes`.
 *
 * @throws DataFileError in one line, when it cannot be read or does not fit together
 */
export async function readImageTokens(path: string): Promise<ImageTokens> {
  try {
    const images = parse(path);
    checkImageTokens(path, images);
    return images;
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new DataFileError(`${path}: ${cause.message}`, { cause });
  }
}

/** Writes image tokens for `readImageTokens`, whole or not at all. @param metadata - anything to be kept with them */
export function writeImageTokens(
  path: string,
  { count, height, width, codes, classes, tokens, labels }: ImageTokens,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const tensors = new Map<string, HostTensor>([
    ['tokens', { data: tokens, shape: [count, height, width], dtype: 'i32' }],
  ]);
  if (classes > 0) tensors.set('labels', { data: labels, shape: [count], dtype: 'i32' });
  const described = { ...metadata, codes: String(codes), classes: String(classes) };
  writeTensorsAtomic(path, tensors, described);
}

/** Images of several files as those of one. */
async function readAll(paths: readonly string[]): Promise<ImageTokens> {
  const parts = await Promise.all(paths.map(readImageTokens));
  const [first] = parts as [ImageTokens];
  const other = parts.findIndex(
    ({ height, width, codes }) => height !== first.height || width !== first.width || codes !== first.codes,
  );
  if (other >= 0) {
    throw new DataFileError(
      `${paths[other]}: its images have other rows, columns or codes than those of ${paths[0]}. Make both with one tokenizer.`,
    );
  }
  if (parts.length === 1) return first;
  const join = (pick: (images: ImageTokens) => Int32Array): Int32Array => {
    const arrays = parts.map(pick);
    const joined = new Int32Array(arrays.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const array of arrays) {
      joined.set(array, end);
      end += array.length;
    }
    return joined;
  };
  return {
    ...first,
    count: parts.reduce((sum, { count }) => sum + count, 0),
    classes: parts.reduce((most, { classes }) => Math.max(most, classes), 0),
    tokens: join(({ tokens }) => tokens),
    labels: join(({ labels }) => labels),
  };
}

/**
 * The image tokens of the files that a task names.
 *
 * @throws TaskConfigError without files, DataFileError in one line
 */
export async function readImageTokenFiles(files: DataFiles | null): Promise<ImageTokenSources> {
  if (files === null) {
    throw new TaskConfigError(
      'image tokens: files is missing. Give at least { train: \'train.safetensors\' }; "foretoken images tokens" makes them.',
    );
  }
  const { train, validation, test } = files;
  return {
    train: await readAll(train),
    ...(validation === undefined ? {} : { validation: await readAll(validation) }),
    ...(test === undefined ? {} : { test: await readAll(test) }),
  };
}
