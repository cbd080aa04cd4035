// N feature vectors of width D.
import { Matrix } from 'ml-matrix';

/** Vectors of one width, row-major: `[count, width]`. */
export interface FeatureSet {
  readonly values: ArrayLike<number>;
  readonly count: number;
  readonly width: number;
}

/** A Gaussian by its mean `[D]` and covariance `[D, D]`. */
export interface Gaussian {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

/** @throws RangeError when the values are not `count` vectors, or there are fewer than `least` */
export function checkFeatures(what: string, { values, count, width }: FeatureSet, least: number): void {
  if (values.length !== count * width) {
    throw new RangeError(
      `${what}: expected ${count} vectors of ${width} numbers, ${count * width} in all, got ${values.length}.`,
    );
  }
  if (count < least) throw new RangeError(`${what}: expected at least ${least} vectors, got ${count}.`);
}

/**
 * Mean and covariance (divisor N - 1, as NumPy's `cov`) of feature vectors, in double precision.
 *
 * @param rows - numbers of the vectors that count, any of them several times; all once when absent
 */
export function gaussianOf({ values, count, width }: FeatureSet, rows?: ArrayLike<number>): Gaussian {
  const total = rows?.length ?? count;
  const mean = new Float64Array(width);
  const centred = new Matrix(total, width);
  for (let row = 0; row < total; row++) {
    const first = (rows === undefined ? row : (rows[row] as number)) * width;
    for (let at = 0; at < width; at++) {
      const value = values[first + at] as number;
      centred.set(row, at, value);
      mean[at] = (mean[at] as number) + value / total;
    }
  }
  centred.subRowVector(mean);
  return {
    mean,
    covariance: centred
      .transpose()
      .mmul(centred)
      .div(total - 1),
  };
}
