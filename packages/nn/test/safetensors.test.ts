import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type HostTensor,
  readSafetensors,
  readSafetensorsHeader,
  SafetensorsError,
  safetensorsPieces,
  writeSafetensors,
} from '../src/index.js';
import { loadReference, pick } from './support/reference.js';

/** A file from a header, as text or as an object, and `dataBytes` bytes of zeros. */
function fileOf(header: unknown, dataBytes = 0, lengthField?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, lengthField ?? BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const f32 = (start: number, end: number, shape: unknown = [(end - start) / 4]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [start, end],
});

describe('readSafetensors on files of another writer', () => {
  const file = loadReference('dtypes');

  it('widens half and brain floats exactly, subnormals and infinities included', () => {
    expect(pick(file, 'f16').data).toEqual(pick(file, 'f16.expected').data);
    expect(pick(file, 'bf16').data).toEqual(pick(file, 'bf16.expected').data);
    expect(pick(file, 'f16').dtype).toBe('f32');
  });

  it('narrows longs, keeps integers, booleans, scalars and empty tensors', () => {
    expect(pick(file, 'i64')).toEqual({
      data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, -1),
      shape: [4],
      dtype: 'i32',
    });
    expect(pick(file, 'i32')).toEqual({
      data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
      shape: [2, 1],
      dtype: 'i32',
    });
    expect(pick(file, 'bool')).toEqual({ data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' });
    expect(pick(file, 'scalar')).toEqual({ data: Float32Array.of(7.5), shape: [], dtype: 'f32' });
    expect(pick(file, 'empty')).toEqual({ data: new Float32Array(0), shape: [0, 3], dtype: 'f32' });
  });

  it('reads metadata', () => {
    const bytes = new Uint8Array(readFileSync(new URL('./fixtures/dtypes.safetensors', import.meta.url)));
    expect(readSafetensors(bytes).metadata.generator).toBe('tools/fixtures/nn.py');
  });

  it('refuses a long that does not fit into i32', () => {
    const file = fileOf({ n: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, 8);
    file[file.length - 4] = 1;
    expect(() => readSafetensors(file)).toThrow('tensor "n" is I64 and holds 4294967296, too large for i32.');
  });
});

it('refuses a boolean that is neither 0 nor 1', () => {
  const file = fileOf({ n: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] } }, 1).fill(2, -1);
  expect(() => readSafetensors(file)).toThrow('tensor "n" is BOOL and holds the byte 2.');
});

const tensor: fc.Arbitrary<HostTensor> = fc
  .tuple(fc.array(fc.nat(3), { maxLength: 3 }), fc.constantFrom('f32', 'i32', 'u32', 'bool'), fc.nat())
  .map(([shape, dtype, seed]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const words = Uint32Array.from({ length: size }, (_, at) => Math.imul(seed + at + 1, 2654435761));
    if (dtype === 'u32') return { data: words, shape, dtype };
    if (dtype === 'i32') return { data: Int32Array.from(words), shape, dtype };
    if (dtype === 'bool') return { data: Uint8Array.from(words, (word) => word & 1), shape, dtype };
    return { data: Float32Array.from(words, (word) => word / 7), shape, dtype };
  });

describe('writeSafetensors', () => {
  const isAllowed = (name: string): boolean => name !== '__metadata__' && name !== '__proto__';
  const names = fc.string().filter(isAllowed);
  const files = fc.tuple(fc.dictionary(names, tensor), fc.dictionary(names, fc.string()));

  it('writes what reads back the same', () => {
    fc.assert(
      fc.property(files, ([named, metadata]) => {
        const tensors = new Map(Object.entries(named));
        const read = readSafetensors(writeSafetensors(tensors, metadata));
        expect(new Map(read.tensors)).toEqual(tensors);
        expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
      }),
    );
  });

  it('aligns the data part to 8 bytes and every tensor to its elements; order of insertion does not matter', () => {
    fc.assert(
      fc.property(files, ([named]) => {
        const bytes = writeSafetensors(new Map(Object.entries(named)));
        const { dataStart, entries } = readSafetensorsHeader(bytes);
        expect(dataStart % 8).toBe(0);
        for (const { dtype, start } of entries.values()) expect(start % (dtype === 'BOOL' ? 1 : 4)).toBe(0);
        expect(writeSafetensors(new Map(Object.entries(named).reverse()))).toEqual(bytes);
      }),
    );
  });

  it('writes halves in two bytes each, which are read as the f32 that they were', () => {
    const halves: HostTensor = { data: Float32Array.of(0.5, -65504, 2 ** -24), shape: [3], dtype: 'f16' };
    const file = writeSafetensors(new Map([['x', halves]]));
    const entry = readSafetensorsHeader(file).entries.get('x');
    expect([entry?.dtype, (entry?.end ?? 0) - (entry?.start ?? 0)]).toEqual(['F16', 6]);
    expect(readSafetensors(file).tensors.get('x')).toEqual({ ...halves, dtype: 'f32' });
  });

  it('reads every byte once and in order, and converts across the border of a piece', () => {
    const length = 2 ** 20 + 3;
    const data = Float32Array.from({ length }, (_, at) => (at % 2048) - 1024);
    const tensors = new Map<string, HostTensor>([
      ['halves', { data, shape: [length], dtype: 'f16' }],
      ['words', { data: Uint32Array.from(data), shape: [length], dtype: 'u32' }],
    ]);
    const file = writeSafetensors(tensors);
    let position = 0;
    const read = readSafetensors({
      fileBytes: file.length,
      fill: (into: Uint8Array, start: number) => {
        expect(start).toBe(position);
        position += into.length;
        into.set(file.subarray(start, position));
      },
    });
    expect(position).toBe(file.length);
    for (const [name, { data }] of tensors)
      expect(
        Buffer.from(read.tensors.get(name)?.data.buffer as ArrayBuffer).equals(Buffer.from(data.buffer)),
      ).toBe(true);
  });

  it('gives the same bytes in pieces, without a copy of what needs none', () => {
    const data = Float32Array.of(1, 2);
    const tensors = new Map<string, HostTensor>([['a', { data, shape: [2], dtype: 'f32' }]]);
    const pieces = [...safetensorsPieces(tensors, { note: 'x' })];
    expect(pieces.at(-1)?.buffer).toBe(data.buffer);
    expect(Buffer.concat(pieces).equals(writeSafetensors(tensors, { note: 'x' }))).toBe(true);
  });

  it('reads from a view at any offset of a larger buffer', () => {
    const bytes = writeSafetensors(
      new Map([['a', { data: Float32Array.of(1, 2), shape: [2], dtype: 'f32' }]]),
    );
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readSafetensors(shifted.subarray(3)).tensors.get('a')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('refuses a shape that does not fit, and the reserved name', () => {
    const wrong: HostTensor = { data: new Float32Array(3), shape: [2, 2], dtype: 'f32' };
    expect(() => writeSafetensors(new Map([['w', wrong]]))).toThrow(
      '"w" has 3 elements, shape [2, 2] needs 4.',
    );
    expect(() => writeSafetensors(new Map([['__metadata__', wrong]]))).toThrow(
      'may not be called __metadata__',
    );
  });
});

describe('malformed files are refused with a reason', () => {
  it.each<[string, Uint8Array, string]>([
    ['no header length', new Uint8Array(7), 'at least 8 bytes'],
    ['a header longer than the file', fileOf('{}', 0, 3n), 'says it has 3 bytes, the file only has 2'],
    ['a header beyond the limit', fileOf('{}', 0, 2n ** 63n), 'over the limit'],
    ['no JSON', fileOf('{"a":'), 'not valid JSON'],
    ['an empty header', fileOf(''), "must start with '{'"],
    ['a list', fileOf('[]'), "must start with '{'"],
    ['white space in front', fileOf(' {}'), "must start with '{'"],
    ['bad UTF-8', fileOf('{}').fill(0xff, 9, 10), 'not valid UTF-8'],
    [
      'a name twice',
      fileOf(`{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`, 4),
      '"a" twice',
    ],
    ['a name twice, once escaped', fileOf(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":1}`, 4), '"a" twice'],
    [
      'a field twice',
      fileOf('{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
      '"dtype" twice',
    ],
    ['a tensor that is no object', fileOf({ a: 1 }), 'tensor "a" must be an object'],
    ['an unknown dtype', fileOf({ a: { dtype: 'Q4', shape: [], data_offsets: [0, 4] } }, 4), 'dtype "Q4"'],
    [
      'a dtype named like a method',
      fileOf({ a: { dtype: 'toString', shape: [], data_offsets: [0, 4] } }, 4),
      'dtype',
    ],
    ['no dtype', fileOf({ a: { shape: [], data_offsets: [0, 4] } }, 4), 'tensor "a" has dtype undefined'],
    ['an unknown field', fileOf({ a: { ...f32(0, 4), stride: 1 } }, 4), 'unknown field "stride"'],
    ['a negative size', fileOf({ a: f32(0, 4, [-1]) }, 4), 'shape must be a list of whole numbers'],
    ['a fractional size', fileOf({ a: f32(0, 4, [0.5]) }, 4), 'shape must be a list of whole numbers'],
    ['no shape', fileOf({ a: f32(0, 4, null) }, 4), 'shape must be a list'],
    ['a shape beyond all bounds', fileOf({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), 'too large'],
    [
      'three offsets',
      fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 8),
      'two whole numbers',
    ],
    ['offsets backwards', fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4), 'hold -4'],
    [
      'a size that does not fit',
      fileOf({ a: f32(0, 8, [1]) }, 8),
      'takes 4 bytes, data_offsets [0, 8] hold 8',
    ],
    [
      'offsets beyond the file',
      fileOf({ a: f32(0, 8) }, 4),
      'the tensors end at byte 8 of the data, the file has 4',
    ],
    ['bytes left over', fileOf({ a: f32(0, 4) }, 8), 'the tensors end at byte 4 of the data, the file has 8'],
    ['bytes without tensors', fileOf({}, 1), 'the tensors end at byte 0'],
    ['an overlap', fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), 'tensor "b" starts at 4, inside the data'],
    ['a gap', fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), 'tensor "b" starts at 8, behind a gap after'],
    ['a gap at the start', fileOf({ a: f32(4, 8) }, 8), 'behind a gap'],
    [
      'metadata that is no object',
      fileOf({ __metadata__: 'x' }),
      '__metadata__ must be an object of strings',
    ],
    [
      'metadata with a number',
      fileOf({ __metadata__: { epoch: 1 } }),
      '__metadata__ must be an object of strings, "epoch" is none',
    ],
  ])('%s', (_, file, reason) => {
    expect(() => readSafetensors(file)).toThrow(SafetensorsError);
    expect(() => readSafetensors(file)).toThrow(reason);
  });

  it('accepts trailing spaces in the header, and no tensors at all', () => {
    expect(readSafetensors(fileOf('{}   ')).tensors.size).toBe(0);
  });

  it('does not mistake repeated values, or names in different objects, for duplicates', () => {
    const header = { __metadata__: { a: '"a":', b: '{"a":' }, a: f32(0, 4), b: f32(4, 8) };
    expect([...readSafetensors(fileOf(header, 8)).tensors.keys()]).toEqual(['a', 'b']);
  });

  it('random damage either reads or throws SafetensorsError, nothing else', () => {
    const good = writeSafetensors(
      new Map<string, HostTensor>([
        ['weight', { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2], dtype: 'f32' }],
        ['mask', { data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' }],
      ]),
      { note: 'intact' },
    );
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(good.length), (changes, length) => {
        const bad = good.slice(0, length === 0 ? good.length : length);
        for (const [at, byte] of changes) if (at < bad.length) bad[at] = byte;
        try {
          readSafetensors(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
