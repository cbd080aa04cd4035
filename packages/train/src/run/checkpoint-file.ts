// Files of tensors that know whether they are whole: SHA-256 of the file stands in its own metadata, as if there were zeros
// in its place.
import { createHash, type Hash } from 'node:crypto';
import { withSafetensorsFile } from '@foretoken/models/node';
import {
  type HostTensor,
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsContents,
  type SafetensorsHeader,
  type SafetensorsSource,
  safetensorsPieces,
} from '@foretoken/nn';
import { fillAtomic, writeAll } from '../files.js';

/** Bytes that are hashed at a time. */
const PIECE = 2 ** 24;

const DIGITS = 64;
const ZEROS = '0'.repeat(DIGITS);
const FIELD = '"digest":"';

/** The contents of a file are not those that were written. */
export class DigestError extends Error {}

function update(hash: Hash, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE) hash.update(bytes.subarray(at, at + PIECE));
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Where the digest stands in a header, or in the JSON of one; -1 where it has none. */
function digestAt(header: Uint8Array): number {
  const at = viewOf(header).indexOf(FIELD);
  return at < 0 ? -1 : at + FIELD.length;
}

/**
 * Writes tensors with a digest of the whole file, as one pass over them.
 *
 * @throws RunFolderError in one line, where the system refuses; the old contents are then still there
 */
export function writeDigested(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  fillAtomic(path, (file) => {
    const hash = createHash('sha256');
    let position = -1;
    // The digest is the first field of the header.
    for (const piece of safetensorsPieces(tensors, { digest: ZEROS, ...metadata })) {
      if (position < 0) position = digestAt(piece);
      for (let at = 0; at < piece.length; at += PIECE) {
        const bytes = piece.subarray(at, at + PIECE);
        hash.update(bytes);
        writeAll(file, bytes);
      }
    }
    writeAll(file, Buffer.from(hash.digest('hex')), position);
  });
}

/** A source that hashes what is read of it, which must be all of it and in order. */
class HashingSource implements SafetensorsSource {
  readonly #hash = createHash('sha256');
  readonly #source: SafetensorsSource;
  #position = 0;
  #written = '';

  constructor(source: SafetensorsSource) {
    this.#source = source;
  }

  get fileBytes(): number {
    return this.#source.fileBytes;
  }

  fill(into: Uint8Array, start: number): void {
    this.#source.fill(into, start);
    if (start !== this.#position) throw new Error('internal: a file of tensors is not read in order.');
    // The length of the header comes first, then the header itself.
    if (start === 8) this.#updateHeader(into);
    else update(this.#hash, into);
    this.#position += into.length;
  }

  #updateHeader(header: Uint8Array): void {
    const at = digestAt(header);
    const blank = Buffer.from(header);
    if (at >= 0) {
      this.#written = blank.toString('latin1', at, at + DIGITS);
      blank.write(ZEROS, at, 'latin1');
    }
    update(this.#hash, blank);
  }

  /** @throws DigestError */
  check(): void {
    if (this.#position === this.fileBytes && this.#hash.digest('hex') === this.#written) return;
    throw new DigestError('its contents do not match its digest');
  }
}

/** Files of earlier versions have no digest; of all that is written since, a digest is not all there is. */
const isOfEarlierVersion = (metadata: Readonly<Record<string, string>>): boolean =>
  Object.keys(metadata).every((name) => name === 'progress');

/**
 * Reads what `writeDigested` wrote, or an earlier version without a digest.
 *
 * @throws DigestError, SafetensorsError, or what the system throws
 */
export const readDigested = (path: string): SafetensorsContents =>
  withSafetensorsFile(path, (file) => {
    const source = new HashingSource(file);
    const contents = readSafetensors(source);
    if (!isOfEarlierVersion(contents.metadata)) source.check();
    return contents;
  });

/**
 * Checks a file without holding its tensors.
 *
 * @returns its metadata
 * @throws as `readDigested`
 */
export const verifyDigested = (path: string): Readonly<Record<string, string>> =>
  withSafetensorsFile(path, (file) => {
    const source = new HashingSource(file);
    const { metadata, dataStart } = readSafetensorsHeader(source);
    if (isOfEarlierVersion(metadata)) return metadata;
    const buffer = new Uint8Array(Math.min(PIECE, file.fileBytes - dataStart));
    for (let at = dataStart; at < file.fileBytes; at += buffer.length)
      source.fill(buffer.subarray(0, Math.min(buffer.length, file.fileBytes - at)), at);
    source.check();
    return metadata;
  });

/** The header alone, unverified. @throws SafetensorsError, or what the system throws */
export const peekHeader = (path: string): SafetensorsHeader =>
  withSafetensorsFile(path, readSafetensorsHeader);
