import { quote } from '@foretoken/input';
import type { DType, Shape } from '@foretoken/tensor';
import { SafetensorsError } from './errors.js';
import {
  ELEMENT_BYTES,
  LENGTH_BYTES,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsSource,
  sourceOfBytes,
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

/** Elements that are converted at a time: files may be larger than what memory should hold twice. */
const PIECE = 2 ** 20;

/** Gives `convert` the elements of a tensor in pieces, in order. */
function inPieces(length: number, convert: (at: number, count: number) => void): void {
  for (let at = 0; at < length; at += PIECE) convert(at, Math.min(PIECE, length - at));
}

function narrowLongs(name: string, longs: BigInt64Array, into: Int32Array, at: number): void {
  longs.forEach((long, offset) => {
    if (BigInt.asIntN(32, long) !== long) {
      throw new SafetensorsError(
        `safetensors: tensor ${quote(name)} is I64 and holds ${long}, too large for i32.`,
      );
    }
    into[at + offset] = Number(long);
  });
}

function checkBooleans(name: string, bytes: Uint8Array): Uint8Array {
  const wrong = bytes.find((byte) => byte > 1);
  if (wrong === undefined) return bytes;
  throw new SafetensorsError(`safetensors: tensor ${quote(name)} is BOOL and holds the byte ${wrong}.`);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Reads one tensor. @param start - where its data begins in the file */
function decode(
  name: string,
  { dtype, shape }: SafetensorsEntry,
  source: SafetensorsSource,
  start: number,
): HostTensor {
  const length = sizeOf(shape);
  /** An array of its own, since typed arrays need an alignment that the file does not promise. */
  const filled = <Data extends ArrayBufferView>(data: Data, at = 0): Data => {
    source.fill(bytesOf(data), start + at);
    return data;
  };
  switch (dtype) {
    case 'F32':
      return { data: filled(new Float32Array(length)), shape, dtype: 'f32' };
    case 'F16':
    case 'BF16': {
      const data = new Float32Array(length);
      const halves = new Uint8Array(2 * Math.min(PIECE, length));
      inPieces(length, (at, count) =>
        widenFloats(dtype, filled(halves.subarray(0, 2 * count), 2 * at), data.subarray(at)),
      );
      return { data, shape, dtype: 'f32' };
    }
    case 'I32':
      return { data: filled(new Int32Array(length)), shape, dtype: 'i32' };
    case 'U32':
      return { data: filled(new Uint32Array(length)), shape, dtype: 'u32' };
    case 'I64': {
      const data = new Int32Array(length);
      const longs = new BigInt64Array(Math.min(PIECE, length));
      inPieces(length, (at, count) => narrowLongs(name, filled(longs.subarray(0, count), 8 * at), data, at));
      return { data, shape, dtype: 'i32' };
    }
    case 'BOOL':
      return { data: checkBooleans(name, filled(new Uint8Array(length))), shape, dtype: 'bool' };
    default:
      throw new SafetensorsError(
        `safetensors: tensor ${quote(name)} has dtype ${dtype}, which no tensor takes; use F32, F16, BF16, I32, U32, I64 or BOOL.`,
      );
  }
}

/** What a file holds. */
export interface SafetensorsContents {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file, each byte once and in order, without a second copy of it. f16 and bf16 are upcast to f32, I64
 * becomes i32.
 *
 * @param file - the bytes of the whole file, or where they come from
 * @throws SafetensorsError for a malformed file, an element type that has no counterpart, an I64 beyond i32, a BOOL
 *   that is neither 0 nor 1
 */
export function readSafetensors(file: Uint8Array | SafetensorsSource): SafetensorsContents {
  const source = file instanceof Uint8Array ? sourceOfBytes(file) : file;
  const { entries, metadata, dataStart } = readSafetensorsHeader(source);
  // In the order of the header, though they are read in that of the file.
  const tensors = new Map([...entries.keys()].map((name) => [name, undefined as unknown as HostTensor]));
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  for (const [name, entry] of inOrder)
    tensors.set(name, decode(name, entry, source, dataStart + entry.start));
  return { tensors, metadata };
}

/** The bytes of a tensor in the file, in order. */
function* encode({ data, dtype }: HostTensor): Generator<Uint8Array, void> {
  if (dtype !== 'f16') yield bytesOf(data);
  else
    for (let at = 0; at < data.length; at += PIECE)
      yield narrowFloats('F16', Float32Array.from(data.subarray(at, at + PIECE)));
}

const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);

function checkSize(name: string, { data, shape }: HostTensor): void {
  const size = sizeOf(shape);
  if (size !== data.length) {
    throw new SafetensorsError(
      `safetensors: tensor ${quote(name)} has ${data.length} elements, shape [${shape.join(', ')}] needs ${size}.`,
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
 * @throws SafetensorsError for a tensor called `__metadata__` or `__proto__`
 */
export function layOutSafetensors(
  tensors: ReadonlyMap<string, SafetensorsDescription>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  for (const name of ['__metadata__', '__proto__'])
    if (tensors.has(name)) throw new SafetensorsError(`safetensors: a tensor may not be called ${name}.`);
  if (Object.hasOwn(metadata, '__proto__'))
    throw new SafetensorsError('safetensors: metadata may not have the name __proto__.');
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

/** How tensors lie in a file. @throws SafetensorsError when a tensor's shape does not fit its data */
function layOut(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout {
  const described = new Map(
    [...tensors].map(([name, { dtype, shape }]) => [name, { dtype: SAVED_DTYPE[dtype], shape }]),
  );
  const layout = layOutSafetensors(described, metadata);
  for (const [name, tensor] of tensors) checkSize(name, tensor);
  return layout;
}

/**
 * The bytes of a safetensors file from its start to its end, in pieces: the header, then the tensors, of which no copy is
 * made. A piece may be larger than what one system call writes.
 *
 * @throws SafetensorsError when a tensor's shape does not fit its data
 */
export function* safetensorsPieces(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array, void> {
  const { header, entries } = layOut(tensors, metadata);
  yield header;
  for (const name of entries.keys()) yield* encode(tensors.get(name) as HostTensor);
}

/**
 * The bytes of a safetensors file, laid out as `layOutSafetensors` says: the same tensors give the same bytes.
 * `safetensorsPieces` gives them without a second copy.
 *
 * @throws SafetensorsError when a tensor's shape does not fit its data
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const file = new Uint8Array(layOut(tensors, metadata).fileBytes);
  let written = 0;
  for (const piece of safetensorsPieces(tensors, metadata)) {
    file.set(piece, written);
    written += piece.length;
  }
  return file;
}
