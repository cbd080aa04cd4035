import type { DType, Shape } from '@foretoken/tensor';
import { SafetensorsError } from './errors.js';
import {
  ELEMENT_BYTES,
  LENGTH_BYTES,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
} from './safetensors-header.js';
import type { HostTensor } from './state-dict.js';
import { narrowFloats, widenFloats } from './stored-floats.js';

const SAVED_DTYPE: Record<DType, SafetensorsDType> = {
  f32: 'F32',
  f16: 'F16',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
};

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
  const own = data.slice(start, end);
  const { buffer } = own;
  switch (dtype) {
    case 'F32':
    case 'F16':
    case 'BF16':
      return { data: widenFloats(dtype, own), shape, dtype: 'f32' };
    case 'I32':
      return { data: new Int32Array(buffer), shape, dtype: 'i32' };
    case 'U32':
      return { data: new Uint32Array(buffer), shape, dtype: 'u32' };
    case 'I64':
      return { data: narrowLongs(name, new BigInt64Array(buffer)), shape, dtype: 'i32' };
    case 'BOOL':
      return { data: checkBooleans(name, own), shape, dtype: 'bool' };
    default:
      throw new SafetensorsError(
        `safetensors: tensor ${JSON.stringify(name)} has dtype ${dtype}, which no tensor takes; use F32, F16, BF16, I32, U32, I64 or BOOL.`,
      );
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
  if (dtype === 'f16') return narrowFloats('F16', Float32Array.from(data));
  const { buffer, byteOffset, byteLength } = data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);

function checkSize(name: string, { data, shape }: HostTensor): void {
  const size = sizeOf(shape);
  if (size !== data.length) {
    throw new SafetensorsError(
      `safetensors: tensor ${JSON.stringify(name)} has ${data.length} elements, shape [${shape.join(', ')}] needs ${size}.`,
    );
  }
}

/** What a file says of a tensor that will be in it. */
export interface SafetensorsDescription {
  readonly dtype: SafetensorsDType;
  readonly shape: Shape;
}

/** The start of a file, and where each tensor goes. */
export interface SafetensorsLayout {
  /** The length of the JSON, and the JSON, filled up with spaces to a multiple of 8. */
  readonly header: Uint8Array;
  /** Places in the data part, which starts behind the header; in the order in which they lie there. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Of the whole file. */
  readonly fileBytes: number;
}

/**
 * Plans a file before its values are at hand. The same tensors give the same header: wider element types come first
 * (which keeps every tensor aligned), then names in order.
 *
 * @throws SafetensorsError for a tensor called `__metadata__`
 */
export function layOutSafetensors(
  tensors: ReadonlyMap<string, SafetensorsDescription>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  if (tensors.has('__metadata__'))
    throw new SafetensorsError('safetensors: a tensor may not be called __metadata__.');
  const width = ({ dtype }: SafetensorsDescription): number => ELEMENT_BYTES[dtype];
  const inOrder = [...tensors].sort(
    ([nameA, a], [nameB, b]) => width(b) - width(a) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const fields = new Map<string, unknown>(
    Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [],
  );
  const entries = new Map<string, SafetensorsEntry>();
  let dataBytes = 0;
  for (const [name, { dtype, shape }] of inOrder) {
    const end = dataBytes + sizeOf(shape) * ELEMENT_BYTES[dtype];
    fields.set(name, { dtype, shape, data_offsets: [dataBytes, end] });
    entries.set(name, { dtype, shape, start: dataBytes, end });
    dataBytes = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
  const dataStart = Math.ceil((LENGTH_BYTES + json.byteLength) / 8) * 8;
  const header = new Uint8Array(dataStart).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  header.set(json, LENGTH_BYTES);
  return { header, entries, fileBytes: dataStart + dataBytes };
}

/**
 * The bytes of a safetensors file, laid out as `layOutSafetensors` says: the same tensors give the same bytes.
 *
 * @throws SafetensorsError when a tensor's shape does not fit its data
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const described = new Map(
    [...tensors].map(([name, { dtype, shape }]) => [name, { dtype: SAVED_DTYPE[dtype], shape }]),
  );
  const { header, entries, fileBytes } = layOutSafetensors(described, metadata);
  for (const [name, tensor] of tensors) checkSize(name, tensor);
  const file = new Uint8Array(fileBytes);
  file.set(header);
  for (const [name, { start }] of entries)
    file.set(encode(tensors.get(name) as HostTensor), header.length + start);
  return file;
}
