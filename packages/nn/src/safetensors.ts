import { type DType, narrowToHalves, widenHalves } from '@foretoken/tensor';
import { SafetensorsError } from './errors.js';
import {
  ELEMENT_BYTES,
  LENGTH_BYTES,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
} from './safetensors-header.js';
import type { HostTensor } from './state-dict.js';

const SAVED_DTYPE: Record<DType, SafetensorsDType> = {
  f32: 'F32',
  f16: 'F16',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
};

/** A bfloat16 is the upper half of an f32. */
function widenBrainFloats(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) words[index] = (halves[index] as number) << 16;
  return new Float32Array(words.buffer);
}

function narrowLongs(name: string, longs: BigInt64Array): Int32Array {
  return Int32Array.from(longs, (long) => {
    if (BigInt.asIntN(32, long) !== long) {
      throw new SafetensorsError(
        `safetensors: tensor ${JSON.stringify(name)} is I64 and holds ${long}, too large for i32.`,
      );
    }
    return Number(long);
  });
}

function checkBooleans(name: string, bytes: Uint8Array): Uint8Array {
  const wrong = bytes.find((byte) => byte > 1);
  if (wrong === undefined) return bytes;
  throw new SafetensorsError(
    `safetensors: tensor ${JSON.stringify(name)} is BOOL and holds the byte ${wrong}.`,
  );
}

function decode(name: string, { dtype, shape, start, end }: SafetensorsEntry, data: Uint8Array): HostTensor {
  // A copy of its own, since typed arrays need an alignment that the file does not promise.
  const { buffer } = data.slice(start, end);
  switch (dtype) {
    case 'F32':
      return { data: new Float32Array(buffer), shape, dtype: 'f32' };
    case 'I32':
      return { data: new Int32Array(buffer), shape, dtype: 'i32' };
    case 'U32':
      return { data: new Uint32Array(buffer), shape, dtype: 'u32' };
    case 'I64':
      return { data: narrowLongs(name, new BigInt64Array(buffer)), shape, dtype: 'i32' };
    case 'F16':
      return { data: widenHalves(new Uint16Array(buffer)), shape, dtype: 'f32' };
    case 'BF16':
      return { data: widenBrainFloats(new Uint16Array(buffer)), shape, dtype: 'f32' };
    case 'BOOL':
      return { data: checkBooleans(name, new Uint8Array(buffer)), shape, dtype: 'bool' };
  }
}

/**
 * Reads the bytes of a safetensors file. Half and brain floats are widened to f32, I64 is narrowed to i32.
 *
 * @throws SafetensorsError for a malformed file, an element type that has no counterpart, an I64 beyond i32, a BOOL
 *   that is neither 0 nor 1
 */
export function readSafetensors(bytes: Uint8Array): {
  tensors: Map<string, HostTensor>;
  metadata: Readonly<Record<string, string>>;
} {
  const { entries, metadata, dataStart } = readSafetensorsHeader(bytes);
  // A Node Buffer slices without copying, so the bytes are seen as what they are declared to be.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, bytes.byteLength - dataStart);
  const tensors = new Map([...entries].map(([name, entry]) => [name, decode(name, entry, data)]));
  return { tensors, metadata };
}

/** The bytes of a tensor in the file. */
function encode({ data, dtype }: HostTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = dtype === 'f16' ? narrowToHalves(data) : data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function checkWritable(name: string, { data, shape }: HostTensor): void {
  const size = shape.reduce((product, length) => product * length, 1);
  if (name === '__metadata__')
    throw new SafetensorsError('safetensors: a tensor may not be called __metadata__.');
  if (size !== data.length) {
    throw new SafetensorsError(
      `safetensors: tensor ${JSON.stringify(name)} has ${data.length} elements, shape [${shape.join(', ')}] needs ${size}.`,
    );
  }
}

/**
 * The bytes of a safetensors file. The same tensors give the same bytes: wider element types come first (which
 * keeps every tensor aligned), then names in order; the header is filled up with spaces to a multiple of 8.
 *
 * @throws SafetensorsError when a tensor's shape does not fit its data
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const width = ({ dtype }: HostTensor): number => ELEMENT_BYTES[SAVED_DTYPE[dtype]];
  const inOrder = [...tensors].sort(
    ([nameA, a], [nameB, b]) => width(b) - width(a) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const header = new Map<string, unknown>(
    Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [],
  );
  let dataBytes = 0;
  for (const [name, tensor] of inOrder) {
    checkWritable(name, tensor);
    const end = dataBytes + tensor.data.length * width(tensor);
    header.set(name, {
      dtype: SAVED_DTYPE[tensor.dtype],
      shape: tensor.shape,
      data_offsets: [dataBytes, end],
    });
    dataBytes = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const dataStart = Math.ceil((LENGTH_BYTES + json.byteLength) / 8) * 8;
  const file = new Uint8Array(dataStart + dataBytes).fill(0x20, 0, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  file.set(json, LENGTH_BYTES);
  let at = dataStart;
  for (const [, tensor] of inOrder) {
    const bytes = encode(tensor);
    file.set(bytes, at);
    at += bytes.byteLength;
  }
  return file;
}
