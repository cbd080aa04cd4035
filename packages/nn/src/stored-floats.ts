import { narrowToHalves, widenHalves } from '@foretoken/tensor';

/** Element types of a file that f32 values can be read from and written to. */
export type FloatStorage = 'F32' | 'F16' | 'BF16';

/** Bytes of one element. */
export const FLOAT_BYTES: Readonly<Record<FloatStorage, number>> = { F32: 4, F16: 2, BF16: 2 };

export const isFloatStorage = (dtype: string): dtype is FloatStorage =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';

/** A typed array over bytes wherever they lie; without a copy where they are aligned. */
function viewAs<View>(
  { buffer, byteOffset, byteLength }: Uint8Array,
  elementBytes: number,
  make: new (buffer: ArrayBufferLike, offset: number, length: number) => View,
): View {
  if (byteOffset % elementBytes === 0) return new make(buffer, byteOffset, byteLength / elementBytes);
  const copy = buffer.slice(byteOffset, byteOffset + byteLength);
  return new make(copy, 0, byteLength / elementBytes);
}

/** A bfloat16 is the upper half of an f32. */
function widenBrainFloats(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) words[index] = (halves[index] as number) << 16;
  return new Float32Array(words.buffer);
}

const EXPONENT = 0x7f800000;
const QUIET = 0x40;

/** The nearest bfloat16, ties to even, beyond the greatest to infinity; NaN stays NaN. */
function brainFloatBits(word: number): number {
  const upper = word >>> 16;
  const unordered = (word & 0x7fffffff) > EXPONENT;
  if (unordered) return (upper & 0x7f) === 0 ? upper | QUIET : upper;
  return (word + 0x7fff + (upper & 1)) >>> 16;
}

function narrowToBrainFloats(values: Float32Array): Uint16Array {
  // By the bits, since reading NaN as a number may change them.
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let at = 0; at < words.length; at++) halves[at] = brainFloatBits(words[at] as number);
  return halves;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The values of little-endian bytes, exactly; a view of the same memory for F32, where it is aligned. */
export function widenFloats(dtype: FloatStorage, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'F32':
      return viewAs(bytes, 4, Float32Array);
    case 'F16':
      return widenHalves(viewAs(bytes, 2, Uint16Array));
    case 'BF16':
      return widenBrainFloats(viewAs(bytes, 2, Uint16Array));
  }
}

/** The bytes of values in a file, rounded to nearest, ties to even; a view of the same memory for F32. */
export function narrowFloats(dtype: FloatStorage, values: Float32Array): Uint8Array {
  switch (dtype) {
    case 'F32':
      return bytesOf(values);
    case 'F16':
      return bytesOf(narrowToHalves(values));
    case 'BF16':
      return bytesOf(narrowToBrainFloats(values));
  }
}
