import { DataFileError } from '../errors.js';

/** An array of unsigned bytes. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/** Names of element types that IDX has and image data sets do not. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
};

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function refuseMagic(label: string, found: Uint8Array, rank: number): never {
  const expected = `00 00 08 ${hex(Uint8Array.of(rank))}`;
  const [first, second, type = 0, other] = found;
  let hint = 'This is no IDX file.';
  if (first === 0 && second === 0 && type === UNSIGNED_BYTE) {
    hint = `It holds ${other} dimensions instead of ${rank}: ${other === 1 ? 'are these the labels' : 'are these the images'}?`;
  } else if (first === 0 && second === 0 && OTHER_TYPES[type] !== undefined) {
    hint = `It holds ${OTHER_TYPES[type]}.`;
  }
  throw new DataFileError(
    `${label}: expected an IDX file of bytes, which begins with ${expected}; found ${hex(found)}. ${hint}`,
  );
}

/**
 * Reads IDX, the format of MNIST: `00 00 08 N`, N sizes as big-endian 32-bit integers, then as many bytes as they say.
 *
 * @param label - the file, for messages
 * @param rank - dimensions that the file must have
 * @throws DataFileError when it begins with something else, or has fewer or more bytes than it says
 */
export function parseIdx(label: string, bytes: Uint8Array, rank: number): IdxArray {
  const headerLength = 4 + 4 * rank;
  const magic = bytes.subarray(0, 4);
  if (
    magic.length === 4 &&
    (magic[0] !== 0 || magic[1] !== 0 || magic[2] !== UNSIGNED_BYTE || magic[3] !== rank)
  )
    refuseMagic(label, magic, rank);
  if (bytes.length < headerLength) {
    throw new DataFileError(
      `${label}: ${bytes.length} bytes are too few for an IDX header of ${headerLength}. Is the download complete?`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  const data = bytes.subarray(headerLength);
  if (data.length !== size) {
    const hint = data.length < size ? 'Is the download complete?' : 'Is it another file?';
    throw new DataFileError(
      `${label}: the header says ${shape.join(' x ')}, which is ${size} bytes; ${data.length} follow it. ${hint}`,
    );
  }
  return { shape, data };
}
