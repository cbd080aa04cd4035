import { widenHalves } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { fetchSafetensorsHeader, narrowFloats, widenFloats, writeSafetensors } from '../src/index.js';

const allHalves = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
const bytesOf = (array: Uint16Array | Float32Array): Uint8Array => new Uint8Array(array.buffer);

describe('floats as files store them', () => {
  it('widens every half to its value', () => {
    expect(widenFloats('F16', bytesOf(allHalves))).toEqual(widenHalves(allHalves));
  });

  it('gives every brain float back, the bits of NaN included', () => {
    expect(narrowFloats('BF16', widenFloats('BF16', bytesOf(allHalves)))).toEqual(bytesOf(allHalves));
  });

  it('rounds brain floats to nearest, ties to even, and the greatest floats to infinity', () => {
    // Between 1 and the next brain float, 1 + 2^-7: below half way, half way (to even), above it; then a tie upwards.
    const values = Float32Array.of(
      1 + 2 ** -9,
      1 + 2 ** -8,
      1 + 2 ** -8 + 2 ** -20,
      1 + 3 * 2 ** -8,
      -3.4e38,
    );
    expect([...widenFloats('BF16', narrowFloats('BF16', values))]).toEqual([
      1,
      1,
      1 + 2 ** -7,
      1 + 2 ** -6,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it('keeps NaN that only the lower half of an f32 tells from infinity', () => {
    const values = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    expect(widenFloats('BF16', narrowFloats('BF16', values))).toEqual(Float32Array.of(Number.NaN));
  });

  it('reads bytes at any offset, and into memory of the caller', () => {
    const shifted = new Uint8Array(9);
    shifted.set(bytesOf(Float32Array.of(1.5, -2)), 1);
    expect([...widenFloats('F32', shifted.subarray(1))]).toEqual([1.5, -2]);
    const into = new Float32Array(4);
    const widened = widenFloats('BF16', bytesOf(Uint16Array.of(0x3f80, 0xc000)), into);
    expect([...widened]).toEqual([1, -2]);
    expect(widened.buffer).toBe(into.buffer);
  });
});

describe('fetchSafetensorsHeader', () => {
  const file = writeSafetensors(
    new Map([['a', { data: new Float32Array(1000), shape: [10, 100], dtype: 'f32' }]]),
  );

  it('reads the header and nothing of the data', async () => {
    const ranges: [number, number][] = [];
    const header = await fetchSafetensorsHeader(async (start, end) => {
      ranges.push([start, end]);
      return file.subarray(start, end);
    }, file.length);
    expect(header.entries.get('a')).toEqual({ dtype: 'F32', shape: [10, 100], start: 0, end: 4000 });
    expect(ranges).toEqual([
      [0, 8],
      [8, file.length - 4000],
    ]);
  });

  it('asks for no more than there is, whatever the file says', async () => {
    const bad = file.slice();
    new DataView(bad.buffer).setBigUint64(0, 99_999_999n, true);
    const read = async (start: number, end: number): Promise<Uint8Array> => bad.slice(start, end);
    await expect(fetchSafetensorsHeader(read, bad.length)).rejects.toThrow('says it has 99999999 bytes');
    await expect(fetchSafetensorsHeader(read, 0)).rejects.toThrow('at least 8 bytes');
  });
});
