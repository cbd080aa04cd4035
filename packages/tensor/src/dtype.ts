import { DTypeError } from './errors.js';

/** Element types. A `bool` takes one byte on the host and a `u32` on the GPU (WGSL has no storable bool). */
export type DType = 'f32' | 'i32' | 'u32' | 'bool';

/** Host memory of a tensor: `Uint8Array` holds booleans as 0 and 1. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Bytes of one element in GPU memory, of any dtype. */
export const BYTES_PER_ELEMENT = 4;

/** WGSL lowest and highest finite f32: stand in for the infinities, which WGSL may assume away. */
export const LOWEST_F32 = -3.4028234663852886e38;
export const HIGHEST_F32 = 3.4028234663852886e38;

/** The WGSL type of a value in an expression. */
export const WGSL_TYPE: Record<DType, string> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'bool' };

/** The WGSL type of an element in a storage buffer. */
export const STORED_TYPE: Record<DType, string> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'u32' };

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

/** Converts numbers to the host array of `dtype`. */
export function toHostArray(values: ArrayLike<number>, dtype: DType): HostArray {
  switch (dtype) {
    case 'f32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'i32':
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case 'u32':
      return values instanceof Uint32Array ? values : Uint32Array.from(values);
    case 'bool':
      return Uint8Array.from(values, (value) => (value ? 1 : 0));
  }
}

/** The words to upload: booleans widen to `u32`. */
export function toDeviceWords(values: HostArray): Float32Array | Int32Array | Uint32Array {
  return values instanceof Uint8Array ? Uint32Array.from(values) : values;
}

/** The downloaded words as the host array of `dtype`; takes ownership of `bytes`. */
export function fromDeviceBytes(bytes: ArrayBuffer, dtype: DType): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes);
    case 'i32':
      return new Int32Array(bytes);
    case 'u32':
      return new Uint32Array(bytes);
    case 'bool':
      return Uint8Array.from(new Uint32Array(bytes));
  }
}

/** A WGSL literal of `value`. Non-finite numbers have none: they must come from a buffer. */
export function wgslLiteral(value: number, dtype: DType): string {
  switch (dtype) {
    case 'bool':
      return value ? 'true' : 'false';
    case 'u32':
      return `${value >>> 0}u`;
    case 'i32':
      return (value | 0) === -2147483648 ? 'i32(-2147483647 - 1)' : `i32(${value | 0})`;
    case 'f32': {
      const rounded = Math.fround(value);
      if (!Number.isFinite(rounded)) throw new DTypeError(`internal: no WGSL literal for ${value}.`);
      // The shortest decimal of the double is exact, so parsing it as f32 gives the same bits.
      return Object.is(rounded, -0) ? 'bitcast<f32>(0x80000000u)' : `f32(${rounded})`;
    }
  }
}
