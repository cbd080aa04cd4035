import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { frechetDistance, PhiloxRandom } from '../../src/index.js';
import { gaussianFrechetDistance, symmetricRoot } from '../../src/metrics/frechet.js';
import { type Gaussian, gaussianOf } from '../../src/metrics/gaussian.js';

const gaussian = (mean: number[], covariance: number[][]): Gaussian => ({
  mean: Float64Array.from(mean),
  covariance: new Matrix(covariance),
});

/** Nearly normal: sums of twelve uniform numbers. */
function draw(random: PhiloxRandom): number {
  let sum = -6;
  for (let at = 0; at < 12; at++) sum += random.uint32() / 2 ** 32;
  return sum;
}

function sample(seed: number, count: number, mean: readonly number[], spread: readonly number[]) {
  const random = new PhiloxRandom(seed, { domain: 0, index: 0 });
  const width = mean.length;
  const values = Float64Array.from(
    { length: count * width },
    (_, at) => (mean[at % width] as number) + (spread[at % width] as number) * draw(random),
  );
  return { values, count, width };
}

/** A symmetric matrix with these eigenvalues and the eigenvectors of a turn in the plane of two axes. */
function turned(values: readonly [number, number, number], angle: number): number[][] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [a, b, d] = values;
  return [
    [c * c * a + s * s * b, c * s * (a - b), 0],
    [c * s * (a - b), s * s * a + c * c * b, 0],
    [0, 0, d],
  ];
}

describe('the Frechet distance of Gaussians', () => {
  it('of equal ones is 0, of shifted ones the squared shift', () => {
    const covariance = turned([4, 1, 0.25], 0.7);
    expect(
      gaussianFrechetDistance(gaussian([1, 2, 3], covariance), gaussian([1, 2, 3], covariance)),
    ).toBeCloseTo(0, 10);
    expect(
      gaussianFrechetDistance(gaussian([1, 2, 3], covariance), gaussian([2, 0, 5], covariance)),
    ).toBeCloseTo(9, 10);
  });

  it('of diagonal ones is that of each coordinate: (m - m)^2 + (s - s)^2', () => {
    const a = gaussian(
      [0, 1],
      [
        [9, 0],
        [0, 4],
      ],
    );
    const b = gaussian(
      [2, 1],
      [
        [1, 0],
        [0, 16],
      ],
    );
    expect(gaussianFrechetDistance(a, b)).toBeCloseTo(4 + (3 - 1) ** 2 + (2 - 4) ** 2, 10);
  });

  it('of commuting covariances is that of their eigenvalues', () => {
    const a = gaussian([0, 0, 0], turned([4, 1, 9], 0.4));
    const b = gaussian([0, 0, 0], turned([1, 25, 16], 0.4));
    expect(gaussianFrechetDistance(a, b)).toBeCloseTo((2 - 1) ** 2 + (1 - 5) ** 2 + (3 - 4) ** 2, 9);
  });

  it('of turned covariances of 2 x 2 has the closed form with the determinant', () => {
    // tr (A B)^1/2 of 2 x 2 is sqrt(tr(A B) + 2 sqrt(det A det B)).
    const a = new Matrix([
      [2, 0.5],
      [0.5, 1],
    ]);
    const b = new Matrix([
      [1, -0.6],
      [-0.6, 3],
    ]);
    const root = Math.sqrt(a.mmul(b).trace() + 2 * Math.sqrt(1.75 * 2.64));
    const expected = 3 + 4 - 2 * root;
    const found = gaussianFrechetDistance(gaussian([0, 0], a.to2DArray()), gaussian([0, 0], b.to2DArray()));
    expect(found).toBeCloseTo(expected, 10);
    const other = gaussianFrechetDistance(gaussian([0, 0], b.to2DArray()), gaussian([0, 0], a.to2DArray()));
    expect(other).toBeCloseTo(expected, 10);
  });

  it('takes covariances without full rank', () => {
    const flat = gaussian(
      [0, 0],
      [
        [4, 0],
        [0, 0],
      ],
    );
    expect(
      gaussianFrechetDistance(
        flat,
        gaussian(
          [0, 0],
          [
            [1, 0],
            [0, 0],
          ],
        ),
      ),
    ).toBeCloseTo(1, 10);
  });

  it('refuses other widths', () => {
    expect(() =>
      gaussianFrechetDistance(
        gaussian([0], [[1]]),
        gaussian(
          [0, 0],
          [
            [1, 0],
            [0, 1],
          ],
        ),
      ),
    ).toThrow(RangeError);
  });
});

it('a root times itself is the matrix', () => {
  const matrix = new Matrix(turned([4, 1, 9], 1.1));
  const root = symmetricRoot(matrix);
  const back = root.mmul(root).to1DArray();
  matrix.to1DArray().forEach((value, at) => {
    expect(back[at]).toBeCloseTo(value, 10);
  });
});

it('mean and covariance are those of NumPy', () => {
  const { mean, covariance } = gaussianOf({ values: [1, 2, 3, 6, 5, 1], count: 3, width: 2 });
  expect([...mean]).toEqual([3, 3]);
  // numpy.cov([[1, 3, 5], [2, 6, 1]])
  [4, -1, -1, 7].forEach((value, at) => {
    expect(covariance.to1DArray()[at]).toBeCloseTo(value, 12);
  });
});

describe('the Frechet distance of samples', () => {
  const real = sample(1, 3000, [0, 0, 0], [1, 2, 0.5]);

  it('is near that of their Gaussians, within its interval about as wide as other samples differ', () => {
    const found = frechetDistance(real, sample(2, 3000, [1, 0, 0], [1, 1, 0.5]));
    // 1 for the mean, (2 - 1)^2 for the spread.
    expect(Math.abs(found.mean - 2)).toBeLessThan(0.2);
    expect(found.low).toBeLessThan(found.mean);
    expect(found.high).toBeGreaterThan(found.mean);
    expect(found.high - found.low).toBeLessThan(0.5);
  });

  it('is the same for the same seed', () => {
    const generated = sample(2, 200, [0, 0, 0], [1, 2, 0.5]);
    const again = frechetDistance(real, generated, { resamples: 20, seed: 3 });
    expect(frechetDistance(real, generated, { resamples: 20, seed: 3 })).toEqual(again);
    expect(frechetDistance(real, generated, { resamples: 20, seed: 4 })).not.toEqual(again);
  });

  it('refuses arrays that are no vectors', () => {
    expect(() => frechetDistance(real, { values: [1, 2], count: 2, width: 3 })).toThrow(
      'expected 2 vectors of 3 numbers, 6 in all, got 2',
    );
    expect(() => frechetDistance(real, { values: [1, 2, 3], count: 1, width: 3 })).toThrow(
      'at least 2 vectors',
    );
  });
});
