// IEEE 754 binary16 on the host: sign, 5 bits of exponent, 10 of fraction.

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The bits of the half nearest to `value` as an f32; ties go to even, what is too large to infinity. */
export function halfBits(value: number): number {
  float[0] = value;
  const bits = word[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Infinities stay, and NaN stays one.
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0);
  // From halfway between the greatest half and 2^16.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Half a unit in the last place, less one unless the result would be odd; a carry moves the exponent.
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal: a multiple of 2^-24.
  return sign | roundToEven(Math.abs(float[0] as number) * 2 ** 24);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The value of the bits of a half, exactly. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The half nearest to `value`. */
export const roundToHalf = (value: number): number => halfValue(halfBits(value));

/** The bits of the halves nearest to `values`. */
export function narrowToHalves(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let at = 0; at < halves.length; at++) halves[at] = halfBits(values[at] as number);
  return halves;
}

/** The values of halves given by their bits, exactly. */
export function widenHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  for (let at = 0; at < floats.length; at++) floats[at] = halfValue(halves[at] as number);
  return floats;
}
