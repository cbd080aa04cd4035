import { narrowToHalves } from '@foretoken/tensor';

/** Element types of a file that f32 values can be read from and written to. */
export type FloatStorage = 'F32' | 'F16' | 'BF16';

/** Bytes of one element. */
export const FLOAT_BYTES: Readonly<Record<FloatStorage, number>> = { F32: 4, F16: 2, BF16: 2 };

export const isFloatStorage = (dtype: string): dtype is FloatStorage =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';

/** Bits of an f32 that are all set in infinities and NaN. */
const EXPONENT = 0x7f800000;

/** Bit of a bfloat16 that makes it NaN and no infinity, where the lower half of an f32 did so. */
const QUIET = 0x40;

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

/** The bits of the f32 of the same value as a half, all of NaN included. */
function widenedHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | EXPONENT | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: as an f32 it is not, so its first 1 becomes the implied one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** A bfloat16 is the upper half of an f32. */
const widenedBrainFloat = (half: number): number => half << 16;

function widen(halves: Uint16Array, wordOf: (half: number) => number, into: Float32Array): Float32Array {
  // By the bits, since writing NaN as a number may change them.
  const words = new Uint32Array(into.buffer, into.byteOffset, halves.length);
  for (let at = 0; at < words.length; at++) words[at] = wordOf(halves[at] as number);
  return into.subarray(0, halves.length);
}

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

/**
 * The values of little-endian bytes, exactly; a view of the same memory for F32, where it is aligned.
 *
 * @param into - memory to widen halves into, at least as long as they are; fresh when absent
 */
export function widenFloats(dtype: FloatStorage, bytes: Uint8Array, into?: Float32Array): Float32Array {
  if (dtype === 'F32') return viewAs(bytes, 4, Float32Array);
  const halves = viewAs(bytes, 2, Uint16Array);
  const wordOf = dtype === 'F16' ? widenedHalf : widenedBrainFloat;
  return widen(halves, wordOf, into ?? new Float32Array(halves.length));
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
