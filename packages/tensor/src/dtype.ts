import { HIDDEN_ZERO, isPlain } from './compile/hidden.js';
import { DTypeError } from './errors.js';
import { narrowToHalves, roundToHalf, widenHalves } from './half.js';

/**
 * Element types. A `bool` takes one byte on the host and a `u32` on the GPU (WGSL has no storable bool). An `f16` is
 * how floats are stored: kernels widen it to f32 where they load it, and round to nearest where they store it; on the
 * host it is a `Float32Array` of values that halves can hold.
 */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | 'bool';

/** Element types that are computed with: an f16 is an f32 then. */
export type ComputedDType = Exclude<DType, 'f16'>;

/** Host memory of a tensor: `Uint8Array` holds booleans as 0 and 1. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Whether values have gradients. */
export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16';

/** GPU memory of `count` elements, in whole words of four bytes: WebGPU binds and copies nothing less. */
export const byteSize = (count: number, dtype: DType): number =>
  dtype === 'f16' ? 4 * Math.ceil(count / 2) : 4 * count;

/** The lowest finite f32. */
export const LOWEST_F32 = -3.4028234663852886e38;

const LOWEST: Record<ComputedDType, number> = {
  f32: Number.NEGATIVE_INFINITY,
  i32: -2147483648,
  u32: 0,
  bool: 0,
};
const HIGHEST: Record<ComputedDType, number> = {
  f32: Number.POSITIVE_INFINITY,
  i32: 2147483647,
  u32: 4294967295,
  bool: 1,
};

/** What each reduction starts with: it changes no result. */
export const NEUTRAL = {
  sum: { f32: 0, i32: 0, u32: 0, bool: 0 },
  max: LOWEST,
  argmax: LOWEST,
  min: HIGHEST,
  argmin: HIGHEST,
} as const;

/** The WGSL type of a value in an expression. */
export const WGSL_TYPE: Record<DType, string> = {
  f32: 'f32',
  f16: 'f32',
  i32: 'i32',
  u32: 'u32',
  bool: 'bool',
};

/** The WGSL type of an element in a storage buffer. */
export const STORED_TYPE: Record<DType, string> = {
  f32: 'f32',
  f16: 'f16',
  i32: 'i32',
  u32: 'u32',
  bool: 'u32',
};

/** The WGSL type of `lanes` elements, one or four, in a storage buffer. */
export const storedType = (dtype: DType, lanes: number): string =>
  lanes === 1 ? STORED_TYPE[dtype] : `vec${lanes}<${STORED_TYPE[dtype]}>`;

/** What a buffer of `dtype` holds, in an expression: an element, or a vector of them. Other dtypes than f16 lie there as they are. */
export function widened(dtype: DType, stored: string, lanes: number): string {
  if (dtype !== 'f16') return stored;
  return lanes === 1 ? `f32(${stored})` : `vec${lanes}<f32>(${stored})`;
}

/** One value, or the vector of several, as a buffer of `dtype` holds them. */
export function narrowed(dtype: DType, values: readonly string[]): string {
  const [first] = values as [string];
  if (dtype === 'f16')
    return values.length === 1 ? `f16(${first})` : `vec4<f16>(vec4<f32>(${values.join(', ')}))`;
  const words = dtype === 'bool' ? values.map((value) => `select(0u, 1u, ${value})`) : values;
  return words.length === 1
    ? (words[0] as string)
    : `${storedType(dtype, words.length)}(${words.join(', ')})`;
}

/** The dtype whose values a host array holds. */
export function dtypeOfHostArray(values: HostArray): DType {
  if (values instanceof Float32Array) return 'f32';
  if (values instanceof Int32Array) return 'i32';
  if (values instanceof Uint32Array) return 'u32';
  if (values instanceof Uint8Array) return 'bool';
  throw new DTypeError(
    `tensor: expected a Float32Array, Int32Array, Uint32Array or Uint8Array (booleans), got ${Object.prototype.toString.call(values)}.`,
  );
}

const INTEGERS = {
  i32: { lowest: -2147483648, highest: 2147483647 },
  u32: { lowest: 0, highest: 4294967295 },
} as const;

/** @throws DTypeError for a number that an integer dtype has not; all may have a fraction where it `truncates` */
export function checkNumber(op: string, value: number, dtype: DType, truncates = false): void {
  if (dtype !== 'i32' && dtype !== 'u32') return;
  const { lowest, highest } = INTEGERS[dtype];
  const whole = truncates ? Math.trunc(value) : value;
  if (Number.isInteger(whole) && whole >= lowest && whole <= highest) return;
  throw new DTypeError(
    `${op}: ${value} is not an ${dtype}: expected a whole number from ${lowest} to ${highest}. Use cast('f32') for others.`,
  );
}

/** The values as they are, each of them one that an integer dtype has once its fraction is dropped. */
function checked(values: ArrayLike<number>, dtype: DType): ArrayLike<number> {
  for (let at = 0; at < values.length; at++) checkNumber('tensor', values[at] as number, dtype, true);
  return values;
}

/** Converts numbers to the host array of `dtype`. @throws DTypeError for numbers that an integer dtype has not */
export function toHostArray(values: ArrayLike<number>, dtype: DType): HostArray {
  switch (dtype) {
    case 'f32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'f16':
      return Float32Array.from(values, roundToHalf);
    case 'i32':
      return values instanceof Int32Array ? values : Int32Array.from(checked(values, dtype));
    case 'u32':
      return values instanceof Uint32Array ? values : Uint32Array.from(checked(values, dtype));
    case 'bool':
      return Uint8Array.from(values, (value) => (value ? 1 : 0));
  }
}

/** What to upload, in whole words: booleans widen to `u32`, halves are packed. */
export function toDeviceWords(values: HostArray, dtype: DType): GPUAllowSharedBufferSource {
  if (dtype === 'f16') {
    const halves = new Uint16Array(byteSize(values.length, dtype) / 2);
    halves.set(narrowToHalves(values));
    return halves;
  }
  return (values instanceof Uint8Array ? Uint32Array.from(values) : values) as GPUAllowSharedBufferSource;
}

/** The `count` elements among downloaded bytes as the host array of `dtype`; takes ownership of `bytes`. */
export function fromDeviceBytes(bytes: ArrayBuffer, count: number, dtype: DType): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes);
    case 'f16':
      return widenHalves(new Uint16Array(bytes, 0, count));
    case 'i32':
      return new Int32Array(bytes);
    case 'u32':
      return new Uint32Array(bytes);
    case 'bool':
      return Uint8Array.from(new Uint32Array(bytes));
  }
}

const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;

/** An f32 for the entry point of a kernel. What compilers should not know is hidden from them, see `compile/hidden.ts`. */
function floatLiteral(value: number): string {
  if (!isPlain(value)) return `bitcast<f32>(${bitsOf(value)}u | ${HIDDEN_ZERO})`;
  // The shortest decimal of the double is exact, so parsing it as f32 gives the same bits.
  return `f32(${value})`;
}

/** A number as WGSL, in the entry point of a kernel. */
export function wgslLiteral(value: number, dtype: DType): string {
  switch (dtype) {
    case 'bool':
      return value ? 'true' : 'false';
    case 'u32':
      return `${value >>> 0}u`;
    case 'i32':
      return (value | 0) === -2147483648 ? 'i32(-2147483647 - 1)' : `i32(${value | 0})`;
    case 'f32':
      return floatLiteral(Math.fround(value));
    case 'f16':
      return floatLiteral(roundToHalf(value));
  }
}
