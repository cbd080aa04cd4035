import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { InputError, type InputErrorClass } from '../errors.js';
import { type JsonLimits, parseJson } from '../json.js';
import { printable } from '../quote.js';
import { reasonOf } from './file-reasons.js';

export interface FileLimits {
  readonly maxBytes?: number;
  /** Thrown instead of `InputError`. */
  readonly error?: InputErrorClass;
}

const MEBIBYTE = 2 ** 20;
/** More than any tokenizer or index of shards has. */
const TEXT_BYTES = 128 * MEBIBYTE;
/** Bytes of one read; a system call may not ask for 2 GiB or more. */
const PIECE = 64 * MEBIBYTE;

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

function readAll(file: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const read = readSync(file, bytes, filled, Math.min(PIECE, size - filled), null);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/**
 * The bytes of a regular file, in pieces that the system allows. Pipes and devices, which may never end, are refused.
 *
 * @throws InputError in one line that names the file: missing, no regular file, or larger than the limit
 */
export function readBytesFile(
  path: string,
  { maxBytes = Number.MAX_SAFE_INTEGER, error: ErrorClass = InputError }: FileLimits = {},
): Uint8Array<ArrayBuffer> {
  const name = printable(path);
  let file: number;
  try {
    // Without waiting for somebody to write into a pipe.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw new ErrorClass(`cannot read ${name}: ${reasonOf(cause)}.`, { cause });
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new ErrorClass(`cannot read ${name}: it is ${kindOf(stats)}, not a file.`);
    if (stats.size > maxBytes) {
      throw new ErrorClass(
        `${name} has ${stats.size.toLocaleString('en')} bytes; the limit is ${maxBytes.toLocaleString('en')}.`,
      );
    }
    return readAll(file, stats.size);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ErrorClass(`cannot read ${name}: ${reasonOf(cause)}.`, { cause });
  } finally {
    closeSync(file);
  }
}

/**
 * The text of a file in UTF-8, without a byte order mark; of at most 128 MiB where nothing is said.
 *
 * @throws InputError in one line that names the file
 */
export function readTextFile(
  path: string,
  { maxBytes = TEXT_BYTES, error = InputError }: FileLimits = {},
): string {
  const bytes = readBytesFile(path, { maxBytes, error });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new error(`${printable(path)} is not UTF-8 text.`, { cause });
  }
}

/**
 * The value of a JSON file, read by `parseJson`.
 *
 * @throws InputError in one line that names the file
 */
export const readJsonFile = (
  path: string,
  limits: FileLimits & Pick<JsonLimits, 'maxDepth' | 'allowPrototypeField'> = {},
): unknown => parseJson(readTextFile(path, limits), { ...limits, what: printable(path) });
