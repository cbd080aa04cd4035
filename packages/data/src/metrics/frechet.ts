// D width of a feature vector.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { PhiloxRandom } from '../random/philox-random.js';
import { checkFeatures, type FeatureSet, type Gaussian, gaussianOf } from './gaussian.js';
import type { BootstrapOptions, MeanInterval } from './intervals.js';
import { percentile } from './percentile.js';

/** Eigenvalues of a symmetric matrix, those below 0 by rounding as 0, and its eigenvectors as columns. */
function symmetricEigen(matrix: Matrix): { readonly values: number[]; readonly vectors: Matrix } {
  const found = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return {
    values: found.realEigenvalues.map((value) => Math.max(0, value)),
    vectors: found.eigenvectorMatrix,
  };
}

/** The square root of a symmetric matrix without negative eigenvalues. */
export function symmetricRoot(matrix: Matrix): Matrix {
  const { values, vectors } = symmetricEigen(matrix);
  return vectors.mmul(Matrix.diag(values.map(Math.sqrt))).mmul(vectors.transpose());
}

/** The trace of the root of the product of two covariances, through `(A^1/2 B A^1/2)^1/2`, which is symmetric. */
function traceOfRoot(rootOfA: Matrix, b: Matrix): number {
  const product = rootOfA.mmul(b).mmul(rootOfA);
  const symmetric = product.add(product.transpose()).div(2);
  return symmetricEigen(symmetric).values.reduce((sum, value) => sum + Math.sqrt(value), 0);
}

function distance(a: Gaussian, rootOfA: Matrix, b: Gaussian): number {
  const means = a.mean.reduce((sum, value, at) => sum + (value - (b.mean[at] as number)) ** 2, 0);
  const traces = a.covariance.trace() + b.covariance.trace() - 2 * traceOfRoot(rootOfA, b.covariance);
  return means + traces;
}

/**
 * The squared Frechet (2-Wasserstein) distance of two Gaussians (Dowson and Landau, 1982; arXiv 1706.08500):
 *
 *     |m_a - m_b|^2 + tr(A + B - 2 (A B)^1/2)
 *
 * @throws RangeError when they are not of one width
 */
export function gaussianFrechetDistance(a: Gaussian, b: Gaussian): number {
  if (a.mean.length !== b.mean.length) {
    throw new RangeError(
      `Frechet distance: expected Gaussians of one width, got ${a.mean.length} and ${b.mean.length}.`,
    );
  }
  return distance(a, symmetricRoot(a.covariance), b);
}

/**
 * The Frechet distance of generated from real feature vectors, with the interval of resampled generated vectors. It depends
 * on what makes the features: with those of an Inception network it is the FID, with any other it is no FID. It is biased
 * upwards where vectors are few, so compare equal counts only; the interval has this bias too, twice, and shows the spread.
 *
 * @throws RangeError when there are fewer than two vectors, or widths differ
 */
export function frechetDistance(
  real: FeatureSet,
  generated: FeatureSet,
  { resamples = 100, confidence = 0.95, seed = 0 }: BootstrapOptions = {},
): MeanInterval {
  checkFeatures('Frechet distance, real', real, 2);
  checkFeatures('Frechet distance, generated', generated, 2);
  const a = gaussianOf(real);
  const mean = gaussianFrechetDistance(a, gaussianOf(generated));
  const root = symmetricRoot(a.covariance);
  const found = Float64Array.from({ length: resamples }, (_, index) => {
    const random = new PhiloxRandom(seed, { domain: 0, index });
    const rows = Uint32Array.from({ length: generated.count }, () => random.integer(generated.count));
    return distance(a, root, gaussianOf(generated, rows));
  }).sort();
  const tail = (1 - confidence) / 2;
  return { mean, low: percentile(found, tail), high: percentile(found, 1 - tail) };
}
