// N vectors of width D, n of them in a chunk, K codes.
import { ConfigError } from '@foretoken/nn';
import { type Device, HostRandom, type Tensor, where } from '@foretoken/tensor';
import { kMeansPlusPlusStart, randomStart } from './k-means-start.js';
import { nearestCode } from './nearest-code.js';

export interface KMeansOptions {
  /** K. */
  readonly codes: number;
  /** Rounds at most. Default 50. */
  readonly iterations?: number;
  /** Ends when a round lowers the mean distance by no more than this share of it. Default 1e-4. */
  readonly tolerance?: number;
  /** Codes to begin with. Default `k-means++`. */
  readonly start?: 'k-means++' | 'random';
  /** Default 0. */
  readonly seed?: number;
}

/** What a round of k-means found, with the codes that it began with. */
export interface KMeansRound {
  readonly round: number;
  /** Mean over the vectors of the squared distance to the nearest code. */
  readonly meanSquaredDistance: number;
  /** Codes that no vector was nearest to; each was put where a vector is far from all codes. */
  readonly deadCodes: number;
}

/** Vectors that go to the device at a time, so that `n` by K scores stay small. */
const CHUNK = 8192;

/** What one pass over all vectors says of the codes. */
interface Assignment {
  /** Sums of the vectors nearest to each code, `[K, D]`, and how many there are, `[K]`. */
  readonly sums: Float64Array;
  readonly counts: Float64Array;
  /** Squared distance of each vector, `[N]`. */
  readonly distances: Float32Array;
}

/**
 * Clusters vectors by Lloyd's algorithm: every round finds the nearest code of each vector on the device, and moves each code
 * to the mean of its vectors. Sums of chunks are added on the host in a fixed order, so that the same seed gives the same
 * codes on the same adapter. Dead codes go to the vectors that are furthest from their codes.
 *
 * @param vectors - `[N, D]`, row-major
 * @param width - D
 * @returns the codes, `[K, D]`
 * @throws ConfigError when there are fewer vectors than codes
 */
export async function* kMeans(
  device: Device,
  vectors: Float32Array,
  width: number,
  { codes: count, iterations = 50, tolerance = 1e-4, start = 'k-means++', seed = 0 }: KMeansOptions,
): AsyncGenerator<KMeansRound, Float32Array> {
  if (vectors.length < count * width) {
    throw new ConfigError(
      `kMeans: ${count} codes need as many vectors of ${width} numbers, got ${vectors.length / width}.`,
    );
  }
  const begin = start === 'random' ? randomStart : kMeansPlusPlusStart;
  let codes = begin(vectors, width, count, new HostRandom(seed));
  const pass = new AssignmentPass(device, vectors, width, count);
  try {
    let before: number | undefined;
    for (let round = 1; round <= iterations; round++) {
      const assignment = await pass.run(codes);
      const meanSquaredDistance =
        assignment.distances.reduce((sum, distance) => sum + distance, 0) / assignment.distances.length;
      const moved = moveCodes(codes, assignment, vectors, width);
      codes = moved.codes;
      yield { round, meanSquaredDistance, deadCodes: moved.deadCodes };
      const gain = before === undefined ? undefined : (before - meanSquaredDistance) / before;
      if (moved.deadCodes === 0 && gain !== undefined && gain <= tolerance) break;
      before = meanSquaredDistance;
    }
    return codes;
  } finally {
    pass.dispose();
  }
}

/** Codes at the means of their vectors; those without any at the furthest vectors, in the order of their distance. */
function moveCodes(
  codes: Float32Array,
  { sums, counts, distances }: Assignment,
  vectors: Float32Array,
  width: number,
): { codes: Float32Array; deadCodes: number } {
  const moved = Float32Array.from(codes, (value, at) => {
    const count = counts[Math.floor(at / width)] as number;
    return count === 0 ? value : (sums[at] as number) / count;
  });
  const dead = [...counts.keys()].filter((code) => counts[code] === 0);
  const far = furthest(distances, dead.length);
  far.forEach((vector, at) => {
    moved.set(vectors.subarray(vector * width, (vector + 1) * width), (dead[at] as number) * width);
  });
  return { codes: moved, deadCodes: dead.length };
}

/** Numbers of the vectors with the greatest distances above 0, the first among equals. */
function furthest(distances: Float32Array, count: number): number[] {
  if (count === 0) return [];
  const numbers = Uint32Array.from(distances, (_, number) => number);
  numbers.sort((a, b) => (distances[b] as number) - (distances[a] as number) || a - b);
  return [...numbers.subarray(0, count)].filter((number) => (distances[number] as number) > 0);
}

/** Finds nearest codes, chunk after chunk, in a step that is compiled once. */
class AssignmentPass {
  readonly #step;
  readonly #chunk: number;

  constructor(
    device: Device,
    readonly vectors: Float32Array,
    readonly width: number,
    readonly count: number,
  ) {
    this.#chunk = Math.min(CHUNK, vectors.length / width);
    this.#step = device.compile(
      ({ part, codes, used }: { part: Tensor; codes: Tensor; used: Tensor }) => {
        const { index, squaredDistance } = nearestCode(part, codes);
        // Rows that only fill up the last chunk belong to no code.
        const inUse = device.arange(part.shape[0] as number, 'i32').lt(used);
        const members = where(inUse, index, -1).oneHot(count);
        return {
          sums: members.matmul(part, { transposeA: true }),
          counts: members.sum(0),
          distances: squaredDistance,
        };
      },
      { name: 'k-means' },
    );
  }

  async run(codes: Float32Array): Promise<Assignment> {
    const { vectors, width, count } = this;
    const chunk = this.#chunk;
    const total = vectors.length / width;
    const sums = new Float64Array(count * width);
    const counts = new Float64Array(count);
    const distances = new Float32Array(total);
    for (let first = 0; first < total; first += chunk) {
      const used = Math.min(chunk, total - first);
      const part = new Float32Array(chunk * width);
      part.set(vectors.subarray(first * width, (first + used) * width));
      const found = this.#step.run({
        part: { data: part, shape: [chunk, width] },
        codes: { data: codes, shape: [count, width] },
        used: { data: Int32Array.of(used), shape: [] },
      });
      const [ownSums, ownCounts, ownDistances] = await Promise.all([
        found.sums.data(),
        found.counts.data(),
        found.distances.data(),
      ]);
      for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + (ownSums[at] as number);
      for (let at = 0; at < count; at++) counts[at] = (counts[at] as number) + (ownCounts[at] as number);
      distances.set((ownDistances as Float32Array).subarray(0, used), first);
    }
    return { sums, counts, distances };
  }

  dispose(): void {
    this.#step.dispose();
  }
}
