// f16 storage: what is rounded, where, and that everything is computed in f32.
//
// Tolerances. A half has 11 significant bits, so rounding changes a value by at most 2^-11 of it (HALF below). Products
// of halves are exact in f32 and are added up there, so they agree with f32 products of the rounded factors as f32
// products agree with each other. Gradients of f16 inputs are rounded once more.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGpu } from '#gpu';
import { halfBits, halfValue } from '../src/half.js';
import {
  attention,
  checkpoint,
  concat,
  type Device,
  DTypeError,
  embedding,
  grad,
  narrowToHalves,
  openDevice,
  selfAttention,
  type Tensor,
  type Variable,
  where,
  widenHalves,
} from '../src/index.js';
import { closeClaimed, deviceThatClaims, hasF16, matmulVariants } from './support/claims.js';
import { evenValues, worstDifference } from './support/draw.js';

const supported = await hasF16();
const variants = await matmulVariants();
afterAll(closeClaimed);

const HALF = 2 ** -11;
const rounded = (values: ArrayLike<number>): Float32Array => widenHalves(narrowToHalves(values));
const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Values and the bits of the halves that are nearest. */
const KNOWN: readonly (readonly [number, number])[] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [1 / 3, 0x3555],
  [65504, 0x7bff],
  // Beyond the greatest half: up to halfway rounds down, from there on is infinite.
  [65519.996, 0x7bff],
  [65520, 0x7c00],
  [-65520, 0xfc00],
  [1e30, 0x7c00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  // Ties go to the even neighbour, downwards and upwards, also into the next power of two.
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [2 - 2 ** -11, 0x4000],
  [1 + 2 ** -11 + 2 ** -20, 0x3c01],
  // The least normal half, the subnormals, and what is too small for them.
  [2 ** -14, 0x0400],
  [2 ** -14 - 2 ** -24, 0x03ff],
  [2 ** -14 - 2 ** -25, 0x0400],
  [2 ** -24, 0x0001],
  [-3 * 2 ** -24, 0x8003],
  [2 ** -25, 0x0000],
  [1.5 * 2 ** -25, 0x0001],
  [2.5 * 2 ** -24, 0x0002],
  [3.5 * 2 ** -24, 0x0004],
  [1e-30, 0x0000],
];

describe('halves on the host', () => {
  it.each(KNOWN)('%f is %i', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });

  it('widen exactly: all of them come back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfValue(bits);
      if (Number.isNaN(value)) expect(halfBits(value) & 0x7c00).toBe(0x7c00);
      else expect(halfBits(value)).toBe(bits);
    }
  });

  it('round to the nearest: every value between two neighbours goes to one of them', () => {
    for (let bits = 1; bits < 0x7bff; bits += 37) {
      const [low, high] = [halfValue(bits), halfValue(bits + 1)];
      const middle = (low + high) / 2;
      expect(halfBits(middle - (high - low) * 0.01)).toBe(bits);
      expect(halfBits(middle + (high - low) * 0.01)).toBe(bits + 1);
      expect(halfBits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    }
  });

  it('know NaN', () => {
    expect(Number.isNaN(halfValue(halfBits(Number.NaN)))).toBe(true);
  });
});

describe('an adapter without shader-f16', () => {
  it('says so wherever f16 is asked for', async () => {
    const device = await deviceThatClaims({ description: 'an old GPU' }, ['shader-f16']);
    const text = /f16 needs an adapter with the feature shader-f16, and an old GPU has none\. Use f32\./;
    for (const ask of [
      () => device.tensor([1], { dtype: 'f16' }),
      () => device.zeros([2], 'f16'),
      () => device.variable(Float32Array.of(1), { dtype: 'f16' }),
      () => device.ones([2]).cast('f16'),
    ]) {
      expect(ask).toThrow(DTypeError);
      expect(ask).toThrow(text);
    }
    expect(await device.ones([2]).add(1).data()).toEqual(Float32Array.of(2, 2));
  });
});

describe.skipIf(!supported)('f16 tensors', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  const halves = (shape: readonly number[], seed: number): Tensor =>
    device.tensor(evenValues(shape, seed), { shape, dtype: 'f16' });
  const f32Of = async (tensor: Tensor): Promise<Tensor> =>
    device.tensor(await tensor.data(), { shape: tensor.shape });

  it('hold host values rounded to nearest, and give them back widened', async () => {
    const tensor = device.tensor(
      KNOWN.map(([value]) => value),
      { dtype: 'f16' },
    );
    expect(tensor.dtype).toBe('f16');
    const expected = Float32Array.from(KNOWN, ([, bits]) => halfValue(bits));
    expect(await tensor.data()).toEqual(expected);
    expect(await tensor.cast('f32').data()).toEqual(expected);
  });

  it('are rounded by the GPU as by the host, stored or not', async () => {
    const values = Float32Array.from(KNOWN, ([value]) => value);
    const source = device.variable(values, { trainable: false });
    const expected = Float32Array.from(KNOWN, ([, bits]) => halfValue(bits));
    expect(await source.cast('f16').data()).toEqual(expected);
    expect(await source.cast('f16').cast('f32').data()).toEqual(expected);
    // Nothing is stored between the rounding and the product.
    const fused = source.cast('f16').cast('f32').mul(2);
    expect(await fused.data()).toEqual(expected.map((value) => 2 * value));
  });

  it('take half of the memory, in whole words', async () => {
    const before = device.memory().liveBytes;
    const sizes = [0, 1, 2, 3, 5, 64, 4097];
    const variables = sizes.map((size) => device.variable(evenValues([size], 1), { dtype: 'f16' }));
    const bytes = sizes.reduce((sum, size) => sum + 4 * Math.ceil(size / 2), 0);
    expect(device.memory().liveBytes - before).toBe(bytes);
    for (const variable of variables) {
      expect(await variable.data()).toEqual(rounded(evenValues([variable.size], 1)));
      variable.dispose();
    }
  });

  it.each([1, 2, 3, 7, 64, 4095, 4096, 5001])(
    'of %i elements survive casts in both directions',
    async (size) => {
      const values = evenValues([size], 3);
      const source = device.variable(values, { trainable: false });
      const narrow = source.mul(3).cast('f16');
      const tripled = rounded(values.map((value) => Math.fround(3 * value)));
      expect(await narrow.data()).toEqual(tripled);
      const stored = narrow.realize();
      expect(await stored.cast('f32').mul(2).data()).toEqual(tripled.map((value) => 2 * value));
    },
  );

  it('come from integers and booleans, and go to them', async () => {
    const integers = device.tensor(Int32Array.of(-3, 0, 2049, 100000));
    expect([...(await integers.cast('f16').data())]).toEqual([-3, 0, 2048, Number.POSITIVE_INFINITY]);
    expect([...(await integers.cast('f16').slice(0, 0, 3).cast('i32').data())]).toEqual([-3, 0, 2048]);
    const flags = device.tensor([true, false, true]);
    expect([...(await flags.cast('f16').data())]).toEqual([1, 0, 1]);
    expect([...(await flags.cast('f16').cast('bool').data())]).toEqual([1, 0, 1]);
  });

  it('are constants where asked, rounded', async () => {
    expect([...(await device.full([3], 0.1, 'f16').data())]).toEqual([...rounded([0.1, 0.1, 0.1])]);
    expect([...(await device.full([1], 1e6, 'f16').data())]).toEqual([Number.POSITIVE_INFINITY]);
    expect([...(await device.ones([5], 'f16').cast('f32').add(1).data())]).toEqual([2, 2, 2, 2, 2]);
  });

  it('move as f32 tensors do', async () => {
    const index = device.tensor(Int32Array.of(3, 0, 1, 1, 2, 4), { shape: [2, 3] });
    const moves: readonly ((tensor: Tensor) => Tensor)[] = [
      (x) => x.reshape([5, 3]),
      (x) => x.permute([1, 0]),
      (x) => x.slice(1, 1, 4),
      (x) => x.slice(0, 0, 3, 2),
      (x) => x.pad(1, 1, 2, 0.1),
      (x) => x.flip(0),
      (x) => x.unsqueeze(0).expand([2, 3, 5]),
      (x) => concat([x, x.flip(1)], 1),
      (x) => x.slice(0, 0, 2).gather(1, index),
      (x) => x.tril(),
      (x) => x.detach(),
      (x) => where(x.cast('f32').gt(0), x, 0.1),
    ];
    const source = halves([3, 5], 2);
    const wide = await f32Of(source);
    for (const move of moves) {
      const actual = move(source);
      expect(actual.dtype).toBe('f16');
      expect(await actual.data(), String(move)).toEqual(rounded(await move(wide).data()));
    }
  });

  it('move in vectors where sizes allow it', async () => {
    const source = halves([64, 128], 4);
    const wide = await f32Of(source);
    for (const move of [
      (x: Tensor) => x.permute([1, 0]),
      (x: Tensor) => x.slice(1, 32, 96),
      (x: Tensor) => x.slice(1, 0, 64).cast('f32').mul(2).cast('f16'),
    ]) {
      expect(await move(source).data()).toEqual(await move(wide).data());
    }
  });

  it('are not computed with', () => {
    const [a, b] = [halves([2, 2], 1), halves([2, 2], 2)];
    const refused: readonly (() => unknown)[] = [
      () => a.add(b),
      () => a.mul(2),
      () => a.neg(),
      () => a.exp(),
      () => a.eq(b),
      () => a.sum(),
      () => a.max(0),
      () => a.cumsum(0),
      () => a.softmax(),
      () => a.layerNorm(),
      () => a.scatterAdd(0, device.tensor(Int32Array.of(0, 1), { shape: [1, 2] }), b),
    ];
    for (const refuse of refused) {
      expect(refuse, String(refuse)).toThrow(DTypeError);
      expect(refuse, String(refuse)).toThrow(/got f16.*cast\('f32'\)/);
    }
    expect(() => a.matmul(device.zeros([2, 2], 'i32'))).toThrow(
      'matmul: expected f32 or f16, got f16 and i32.',
    );
    expect(() => concat([a, b.cast('f32')], 0)).toThrow(DTypeError);
  });

  it('tell what is finite by its bits', async () => {
    const values = [1, -65504, 65520, Number.NaN, Number.NEGATIVE_INFINITY, 0, 1e-30];
    const narrow = device.tensor(values, { dtype: 'f16' });
    expect([...(await narrow.isFinite().data())]).toEqual([1, 1, 0, 0, 0, 1, 1]);
    expect([...(await device.tensor(values).isFinite().data())]).toEqual([1, 1, 1, 0, 0, 1, 1]);
    // Overflow that no buffer holds.
    const fused = device.variable(Float32Array.of(6e4, 7e4)).mul(1.05).cast('f16').cast('f32').isFinite();
    expect([...(await fused.data())]).toEqual([1, 0]);
    expect((await device.tensor(values).isFinite().all().data())[0]).toBe(0);
  });

  it('are variables, assigned and loaded', async () => {
    const variable = device.variable(Float32Array.of(1, 0.1, 3), { dtype: 'f16' });
    expect(variable.trainable).toBe(true);
    variable.assign(variable.cast('f32').mul(2).cast('f16'));
    expect(await variable.data()).toEqual(rounded([2, 2 * (rounded([0.1])[0] as number), 6]));
    variable.load(Float32Array.of(0.3, 5, 7));
    expect(await variable.data()).toEqual(rounded([0.3, 5, 7]));
    expect(() => variable.assign(device.ones([3]))).toThrow(DTypeError);
  });

  it('are results and inputs of compiled steps', async () => {
    const kept = device.variable(evenValues([5], 1), { dtype: 'f16', trainable: false });
    const step = device.compile(({ x }) => {
      const narrow = (x as Tensor).cast('f16');
      kept.assign(narrow);
      return { narrow, wide: narrow.cast('f32'), reshaped: narrow.cast('f32').reshape([5, 1]) };
    });
    for (const seed of [1, 2]) {
      const data = evenValues([5], seed);
      const { narrow, wide, reshaped } = step.run({ x: { data, shape: [5] } });
      for (const tensor of [narrow, wide, reshaped, kept]) expect(await tensor.data()).toEqual(rounded(data));
    }
  });

  it('have gradients of their own dtype, through casts and movement', async () => {
    const source = device.variable(evenValues([4, 6], 1), { shape: [4, 6] });
    const narrow = source.cast('f16');
    const moved = concat([narrow.permute([1, 0]).slice(0, 1, 4), narrow.permute([1, 0])], 0);
    const loss = moved.cast('f32').square().sum();
    const [towardsNarrow, towardsSource] = grad(loss, [narrow, source]) as [Tensor, Tensor];
    expect([towardsNarrow.dtype, towardsSource.dtype]).toEqual(['f16', 'f32']);
    const wide = device.variable(rounded(await source.data()), { shape: [4, 6] });
    const movedWide = concat([wide.permute([1, 0]).slice(0, 1, 4), wide.permute([1, 0])], 0);
    const [expected] = grad(movedWide.square().sum(), [wide]) as [Tensor];
    const values = await expected.data();
    for (const tensor of [towardsNarrow, towardsSource]) {
      // Parts are rounded before they are added, and their sum once more.
      expect(worstDifference(await tensor.data(), values)).toBeLessThan(2 * HALF * largest(values));
    }
  });

  it('have gradients where they are expanded, gathered, looked up and chosen', async () => {
    const ids = device.tensor(Int32Array.of(3, 0, 3, 11, 3));
    const makers: readonly ((x: Tensor) => Tensor)[] = [
      (x) => x.unsqueeze(0).expand([7, 12, 4]),
      (x) => x.gather(0, ids.unsqueeze(1).expand([5, 4])),
      (x) => embedding(x, ids),
      (x) => where(device.arange(4).gt(1), x, 0),
      (x) => x.pad(0, 1, 1),
    ];
    const values = rounded(evenValues([12, 4], 5));
    for (const make of makers) {
      const gradient = (dtype: 'f16' | 'f32'): Tensor => {
        const x = device.variable(values, { shape: [12, 4], dtype });
        return grad(make(x).cast('f32').square().sum(), [x])[0] as Tensor;
      };
      const [actual, expected] = [gradient('f16'), gradient('f32')];
      expect(actual.dtype).toBe('f16');
      const want = await expected.data();
      expect(worstDifference(await actual.data(), want), String(make)).toBeLessThan(
        3 * HALF * Math.max(1, largest(want)),
      );
    }
  });

  it('add up gradients of several uses in backward(), and pass through checkpoints', async () => {
    const weight = device.variable(evenValues([4, 4], 1), { shape: [4, 4], dtype: 'f16' });
    const body = (x: Tensor): Tensor => x.matmul(weight).matmul(weight);
    const input = device.tensor(evenValues([3, 4], 2), { shape: [3, 4] });
    const gradients: Float32Array[] = [];
    for (const make of [() => body(input), () => checkpoint(body, [input])]) {
      make().square().sum().backward();
      make().sum().backward();
      const gradient = weight.grad as Tensor;
      expect(gradient.dtype).toBe('f16');
      gradients.push((await gradient.data()) as Float32Array);
      weight.grad = undefined;
    }
    const wide = device.variable(await weight.data(), { shape: [4, 4] });
    const twice = input.matmul(wide).matmul(wide);
    const [expected] = grad(twice.square().sum().add(twice.sum()), [wide]) as [Tensor];
    const values = await expected.data();
    for (const gradient of gradients) {
      expect(worstDifference(gradient, values)).toBeLessThan(6 * HALF * largest(values));
    }
  });

  it('are kept instead of what they were rounded from', async () => {
    const size = 256;
    const draw = (seed: number): Tensor =>
      device.variable(evenValues([size, size], seed), { shape: [size, size] });
    const [a, b] = [draw(1), draw(2)];
    /** Working memory of a chain of products whose results both directions need. */
    const arena = async (narrow: (x: Tensor) => Tensor): Promise<number> => {
      const step = device.compile(() => {
        let x: Tensor = a;
        for (let layer = 0; layer < 8; layer++) x = narrow(narrow(x.matmul(b)).gelu());
        return grad(x.sum(), [a])[0] as Tensor;
      });
      const { arenaBytes } = await step.profile({});
      step.dispose();
      return arenaBytes;
    };
    if (!device.features.has('timestamp-query')) return;
    const [wide, half] = [await arena((x) => x), await arena((x) => x.cast('f16').cast('f32'))];
    expect(half).toBeLessThan(0.75 * wide);
  });

  it('are stored by the norm that they round, in one kernel', async () => {
    const [rows, factor] = [
      device.variable(evenValues([40, 96], 1), { shape: [40, 96] }),
      device.ones([96, 8]),
    ];
    const weight = device.variable(evenValues([96], 2), { shape: [96] });
    const normed = rows.layerNorm(weight).cast('f16');
    const expected = rounded(await rows.layerNorm(weight).data());
    expect(worstDifference(await normed.data(), expected)).toBe(0);
    if (!device.features.has('timestamp-query')) return;
    // The gradient reads more of what the norm gives, but not the f32 that was rounded.
    const step = device.compile(() => {
      const product = rows.layerNorm(weight).cast('f16').matmul(factor);
      return grad(product.square().sum(), [rows, weight]);
    });
    const { kernels } = await step.profile({});
    expect(kernels.map(({ name }) => name)).toContain('norm, cast');
    expect(kernels.filter(({ name }) => name.startsWith('cast'))).toEqual([]);
  });

  it('load the same bits whatever reads them: norms, sums, stores', async () => {
    const source = device.variable(evenValues([20, 96], 1), { shape: [20, 96] });
    const narrow = source.cast('f16').realize();
    const wide = await f32Of(narrow);
    for (const use of [
      (x: Tensor) => x.layerNorm(),
      (x: Tensor) => x.rmsNorm(),
      (x: Tensor) => x.softmax(),
      (x: Tensor) => x.sum(0),
      (x: Tensor) => x.cumsum(1),
      (x: Tensor) => x.argmax(),
      (x: Tensor) => x.slice(1, 0, 5).layerNorm(),
    ]) {
      expect(await use(narrow.cast('f32')).data(), String(use)).toEqual(await use(wide).data());
    }
  });
});

interface Sizes {
  readonly batch?: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}
// One element; odd everywhere; vectors on some sides only; vectors everywhere and several tiles.
const sizes: readonly Sizes[] = [
  { rows: 1, inner: 1, columns: 1 },
  { batch: 3, rows: 9, inner: 17, columns: 11 },
  { rows: 33, inner: 20, columns: 70 },
  { rows: 68, inner: 36, columns: 68 },
];

describe.skipIf(!supported).each(variants)('products of f16 in the variant $name', ({ name, claim }) => {
  it('agree with those of f32, on either side and transposed', async () => {
    const device = await deviceThatClaims(claim);
    for (const { batch = 1, rows, inner, columns } of sizes) {
      for (const [transposeA, transposeB] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const) {
        const shapeA = [batch, ...(transposeA ? [inner, rows] : [rows, inner])];
        const shapeB = [batch, ...(transposeB ? [columns, inner] : [inner, columns])];
        const [a, b] = [rounded(evenValues(shapeA, 1)), rounded(evenValues(shapeB, 2))];
        const product = async (dtypeA: 'f32' | 'f16', dtypeB: 'f32' | 'f16') =>
          device
            .tensor(a, { shape: shapeA, dtype: dtypeA })
            .matmul(device.tensor(b, { shape: shapeB, dtype: dtypeB }), { transposeA, transposeB })
            .data();
        const expected = await product('f32', 'f32');
        for (const [dtypeA, dtypeB] of [
          ['f16', 'f16'],
          ...(rows === 9 ? [['f16', 'f32'] as const, ['f32', 'f16'] as const] : []),
        ] as const) {
          // The same values in the same order.
          const label = JSON.stringify({
            dtypeA,
            dtypeB,
            batch,
            rows,
            inner,
            columns,
            transposeA,
            transposeB,
          });
          expect(worstDifference(await product(dtypeA, dtypeB), expected), label).toBeLessThan(1e-6);
        }
      }
    }
  });

  it('are those variants', async () => {
    const device = await deviceThatClaims(claim);
    if (!device.features.has('timestamp-query')) return;
    const a = device.variable(evenValues([8, 8], 1), { shape: [8, 8], dtype: 'f16' });
    const { kernels } = await device.compile(() => ({ product: a.matmul(a) })).profile({});
    expect(kernels.map(({ variant }) => variant)).toContain(name);
  });

  it('have gradients in the dtypes of their factors', async () => {
    const device = await deviceThatClaims(claim);
    for (const transposeB of [false, true]) {
      const shapes = [[20, 12], transposeB ? [8, 12] : [12, 8]] as const;
      const [a, b] = shapes.map((shape, at) => rounded(evenValues(shape, at + 1)));
      const weights = device.tensor(evenValues([20, 8], 3), { shape: [20, 8] });
      const gradients = (dtypeA: 'f32' | 'f16', dtypeB: 'f32' | 'f16'): Tensor[] => {
        const left = device.variable(a as Float32Array, { shape: shapes[0], dtype: dtypeA });
        const right = device.variable(b as Float32Array, { shape: shapes[1], dtype: dtypeB });
        return grad(left.matmul(right, { transposeB }).mul(weights).sum(), [left, right]);
      };
      const expected = gradients('f32', 'f32');
      for (const dtypes of [
        ['f16', 'f32'],
        ['f32', 'f16'],
        ['f16', 'f16'],
      ] as const) {
        const actual = gradients(dtypes[0], dtypes[1]);
        expect(actual.map(({ dtype }) => dtype)).toEqual(dtypes);
        for (const [at, tensor] of actual.entries()) {
          const want = await (expected[at] as Tensor).data();
          expect(worstDifference(await tensor.data(), want)).toBeLessThan(HALF * largest(want) + 1e-6);
        }
      }
    }
  });

  it('take bias and activation along, and round what they give', async () => {
    const device = await deviceThatClaims(claim);
    for (const columns of [64, 6]) {
      const a = device.variable(evenValues([40, 32], 1), { shape: [40, 32] });
      const b = device.variable(evenValues([columns, 32], 2), { shape: [columns, 32] });
      const bias = device.variable(evenValues([columns], 3), { shape: [columns] });
      const layer = (narrow: (x: Tensor) => Tensor): Tensor =>
        narrow(a).matmul(narrow(b), { transposeB: true }).add(bias).gelu('tanh');
      const exact = layer((x) =>
        device.tensor(rounded(x === a ? evenValues([40, 32], 1) : evenValues([columns, 32], 2)), {
          shape: x.shape,
        }),
      );
      const actual = layer((x) => x.cast('f16')).cast('f16');
      const want = await exact.data();
      expect(worstDifference(await actual.data(), want)).toBeLessThan(HALF * largest(want) + 1e-5);
    }
  });

  it('and attention agree with attention of f32', async () => {
    const device = await deviceThatClaims(claim);
    for (const { heads, keyHeads, time, width } of [
      { heads: 4, keyHeads: 2, time: 37, width: 8 },
      { heads: 2, keyHeads: 2, time: 70, width: 6 },
    ]) {
      const shapes = [
        [2, heads, time, width],
        [2, keyHeads, time, width],
        [2, keyHeads, time, width],
      ];
      const place = device.arange(time);
      const mask = place.unsqueeze(0).le(place.unsqueeze(1));
      const weights = device.tensor(evenValues(shapes[0] as number[], 9), { shape: shapes[0] as number[] });
      const run = (dtype: 'f32' | 'f16'): Tensor[] => {
        const inputs = shapes.map((shape, at) =>
          device.variable(rounded(evenValues(shape, at + 1)), { shape, dtype }),
        );
        const [query, key, value] = inputs as [Variable, Variable, Variable];
        const result = attention(query, key, value, { mask });
        return [result, ...grad(result.mul(weights).sum(), inputs)];
      };
      const [actual, expected] = [run('f16'), run('f32')];
      expect(actual.map(({ dtype }) => dtype)).toEqual(['f32', 'f16', 'f16', 'f16']);
      for (const [at, tensor] of actual.entries()) {
        const want = await (expected[at] as Tensor).data();
        // The gradients see the rounded result, and a rounded gradient of it.
        const tolerance = (at === 0 ? 1 : 4) * HALF * Math.max(1, largest(want));
        expect(worstDifference(await tensor.data(), want), `${width} ${at}`).toBeLessThan(tolerance);
      }
    }
  });

  it('and self-attention of a packed projection, too', async () => {
    const device = await deviceThatClaims(claim);
    const shape = [2, 33, 8 * 4];
    const run = (dtype: 'f32' | 'f16'): Tensor[] => {
      const projection = device.variable(rounded(evenValues(shape, 1)), { shape, dtype });
      const result = selfAttention(projection, { queryHeads: 4, keyHeads: 2 });
      return [result, ...grad(result.square().sum(), [projection])];
    };
    const [actual, expected] = [run('f16'), run('f32')];
    expect(actual.map(({ dtype }) => dtype)).toEqual(['f32', 'f16']);
    for (const [at, tensor] of actual.entries()) {
      const want = await (expected[at] as Tensor).data();
      expect(worstDifference(await tensor.data(), want)).toBeLessThan(4 * HALF * Math.max(1, largest(want)));
    }
  });
});

it('the adapter of this machine has shader-f16, or the tests above were skipped', async () => {
  const adapter = (await openGpu().requestAdapter()) as GPUAdapter;
  expect(adapter.features.has('shader-f16')).toBe(supported);
});
