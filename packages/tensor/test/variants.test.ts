// Every variant of a kernel, whatever the adapter at hand would choose: a device is told that its adapter is another.

import { afterAll, describe, expect, it } from 'vitest';
import { attention, grad, type Tensor } from '../src/index.js';
import { closeClaimed, deviceThatClaims, matmulVariants } from './support/claims.js';
import { drawVariable, evenValues, worstDifference } from './support/draw.js';

afterAll(closeClaimed);

const variants = await matmulVariants();

interface Product {
  readonly batch?: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** By definition, in double precision. */
function naiveProduct(a: Float32Array, b: Float32Array, product: Product): number[] {
  const { batch = 1, rows, inner, columns, transposeA, transposeB } = product;
  const result: number[] = [];
  for (let entry = 0; entry < batch; entry++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const left = transposeA ? k * rows + row : row * inner + k;
          const right = transposeB ? column * inner + k : k * columns + column;
          sum += (a[entry * rows * inner + left] as number) * (b[entry * inner * columns + right] as number);
        }
        result.push(sum);
      }
    }
  }
  return result;
}

// Sizes below, at and beyond the borders of the tiles, inner sizes that no vector divides, and one large tile each.
const sizes: readonly Product[] = [
  { rows: 1, inner: 1, columns: 1 },
  { rows: 7, inner: 13, columns: 5 },
  { rows: 16, inner: 8, columns: 64 },
  { rows: 33, inner: 20, columns: 70 },
  { batch: 3, rows: 9, inner: 17, columns: 11 },
  { rows: 258, inner: 130, columns: 68 },
  { rows: 530, inner: 131, columns: 31 },
  { rows: 64, inner: 64, columns: 96 },
  // Few results of long sums.
  { rows: 40, inner: 1024, columns: 36 },
];
const transposes = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
] as const;

describe.each(variants)('matmul in the variant $name', ({ name, claim }) => {
  it('is the one that is chosen', async () => {
    const device = await deviceThatClaims(claim);
    if (!device.features.has('timestamp-query')) return;
    const a = drawVariable(device, [8, 8], 1);
    const { kernels } = await device.compile(() => ({ product: a.matmul(a) })).profile({});
    expect(kernels.map(({ variant }) => variant)).toContain(name);
  });

  it('agrees with the definition', async () => {
    const device = await deviceThatClaims(claim);
    for (const size of sizes) {
      for (const flags of transposes) {
        const product = { ...size, ...flags };
        const { batch, rows, inner, columns, transposeA, transposeB } = {
          batch: 1,
          ...product,
        } as Required<Product>;
        const shapeA = [batch, ...(transposeA ? [inner, rows] : [rows, inner])];
        const shapeB = [batch, ...(transposeB ? [columns, inner] : [inner, columns])];
        const [a, b] = [evenValues(shapeA, 1), evenValues(shapeB, 2)];
        const result = device.tensor(a, { shape: shapeA }).matmul(device.tensor(b, { shape: shapeB }), flags);
        const error = worstDifference(await result.data(), naiveProduct(a, b, product));
        expect(error, JSON.stringify(product)).toBeLessThan(1e-5 * Math.sqrt(inner));
      }
    }
  });

  it('gives nothing for no rows and zeros for no inner size', async () => {
    const device = await deviceThatClaims(claim);
    expect(
      (
        await device
          .zeros([0, 3])
          .matmul(device.ones([3, 2]))
          .data()
      ).length,
    ).toBe(0);
    expect([
      ...(await device
        .zeros([2, 0])
        .matmul(device.ones([0, 2]))
        .data()),
    ]).toEqual([0, 0, 0, 0]);
  });
});

/** Attention by matmul and softmax, which has no variants of its own kernels. */
function composed(query: Tensor, key: Tensor, value: Tensor, mask: Tensor): Tensor {
  const scores = query.matmul(key, { transposeB: true }).div(Math.sqrt(query.shape[3] as number));
  return scores.add(mask.cast('f32').sub(1).mul(1e9)).softmax().matmul(value);
}

describe.each(variants)('attention on an adapter with matmul in the variant $name', ({ claim }) => {
  it('agrees with matmul and softmax, and so do its gradients', async () => {
    const device = await deviceThatClaims(claim);
    const shape = [2, 3, 70, 6];
    const draw = (seed: number): Tensor => drawVariable(device, shape, seed);
    const [query, key, value, weights] = [draw(1), draw(2), draw(3), draw(4)];
    const time = device.arange(70);
    const mask = time.unsqueeze(0).le(time.unsqueeze(1)).reshape([1, 1, 70, 70]).expand([2, 3, 70, 70]);
    const both = [attention(query, key, value, { mask }), composed(query, key, value, mask)].map((result) => [
      result,
      ...grad(result.mul(weights).sum(), [query, key, value]),
    ]) as [Tensor[], Tensor[]];
    for (const [at, tensor] of both[0].entries()) {
      const expected = [...(await (both[1][at] as Tensor).data())];
      expect(worstDifference(await tensor.data(), expected)).toBeLessThan(1e-5);
    }
  });
});
