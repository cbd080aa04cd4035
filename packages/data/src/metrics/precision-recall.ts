// Source: "Improved Precision and Recall Metric for Assessing Generative Models", arXiv 1904.06991, section 2.
import { checkFeatures, type FeatureSet } from './gaussian.js';
import type { MeanInterval } from './intervals.js';
import { wilsonInterval } from './wilson.js';

export interface PrecisionRecall {
  /** Share of generated vectors within the manifold of the real ones. */
  readonly precision: MeanInterval;
  /** Share of real vectors within the manifold of the generated ones. */
  readonly recall: MeanInterval;
}

/** Squares of distances: comparing them compares distances. */
function squaredDistance(a: FeatureSet, i: number, b: FeatureSet, j: number): number {
  const { width } = a;
  let sum = 0;
  for (let at = 0; at < width; at++) {
    const difference = (a.values[i * width + at] as number) - (b.values[j * width + at] as number);
    sum += difference * difference;
  }
  return sum;
}

/** The squared distance of each vector from its k-th nearest neighbour in the same set, itself not counted. */
function neighbourRadii(set: FeatureSet, k: number): Float64Array {
  return Float64Array.from({ length: set.count }, (_, i) => {
    /** The k smallest so far, rising. */
    const nearest = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
    for (let j = 0; j < set.count; j++) {
      if (j === i) continue;
      let distance = squaredDistance(set, i, set, j);
      for (let place = 0; place < k; place++) {
        const held = nearest[place] as number;
        if (distance >= held) continue;
        nearest[place] = distance;
        distance = held;
      }
    }
    return nearest[k - 1] as number;
  });
}

/** How many vectors lie within the balls around those of a manifold, each as large as its radius. */
function countWithin(vectors: FeatureSet, manifold: FeatureSet, radii: Float64Array): number {
  let within = 0;
  for (let i = 0; i < vectors.count; i++) {
    for (let j = 0; j < manifold.count; j++) {
      if (squaredDistance(vectors, i, manifold, j) <= (radii[j] as number)) {
        within++;
        break;
      }
    }
  }
  return within;
}

/**
 * Precision (are samples like real images?) and recall (are all real images like some sample?), where the manifold of a set is
 * the union of balls around its vectors that reach their k-th nearest neighbours. Intervals are Wilson's at 95 %, for given
 * manifolds. Compares all pairs: some thousands of vectors take seconds.
 *
 * @param k - neighbours; 3 in the paper
 * @throws RangeError when a set has no more than k vectors, or widths differ
 */
export function precisionRecall(real: FeatureSet, generated: FeatureSet, k = 3): PrecisionRecall {
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`precision and recall: k must be at least 1, got ${k}.`);
  checkFeatures('precision and recall, real', real, k + 1);
  checkFeatures('precision and recall, generated', generated, k + 1);
  if (real.width !== generated.width) {
    throw new RangeError(
      `precision and recall: expected vectors of one width, got ${real.width} and ${generated.width}.`,
    );
  }
  const within = (vectors: FeatureSet, manifold: FeatureSet): MeanInterval => {
    const found = countWithin(vectors, manifold, neighbourRadii(manifold, k));
    return { mean: found / vectors.count, ...wilsonInterval(found, vectors.count) };
  };
  return { precision: within(generated, real), recall: within(real, generated) };
}
