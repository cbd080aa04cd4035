// N vectors of width D, K codes.
import type { HostRandom } from '@foretoken/tensor';
import { draw } from '../sampling.js';

/** Vectors that k-means++ looks at, for each code. */
const SEEN_PER_CODE = 64;

function squaredDistance(vectors: Float32Array, a: number, b: number, width: number): number {
  let sum = 0;
  for (let at = 0; at < width; at++) {
    sum += ((vectors[a * width + at] as number) - (vectors[b * width + at] as number)) ** 2;
  }
  return sum;
}

/** `count` different numbers below `bound`, in the order of their drawing. */
function choose(bound: number, count: number, random: HostRandom): Uint32Array {
  const order = random.shuffle(Uint32Array.from({ length: bound }, (_, number) => number));
  return order.subarray(0, count);
}

/** The rows of these numbers, one behind the other. */
function rowsOf(vectors: Float32Array, numbers: ArrayLike<number>, width: number): Float32Array {
  const rows = new Float32Array(numbers.length * width);
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] as number;
    rows.set(vectors.subarray(number * width, (number + 1) * width), at * width);
  }
  return rows;
}

/** Different vectors, every choice as likely as any other. */
export function randomStart(
  vectors: Float32Array,
  width: number,
  codes: number,
  random: HostRandom,
): Float32Array {
  return rowsOf(vectors, choose(vectors.length / width, codes, random), width);
}

/**
 * k-means++ (Arthur and Vassilvitskii, 2007): each code is a vector drawn with a probability in proportion to its squared
 * distance from the nearest code so far. Where there are very many vectors, it draws from some of them.
 */
export function kMeansPlusPlusStart(
  vectors: Float32Array,
  width: number,
  codes: number,
  random: HostRandom,
): Float32Array {
  const count = vectors.length / width;
  const seen = rowsOf(vectors, choose(count, Math.min(count, codes * SEEN_PER_CODE), random), width);
  const total = seen.length / width;
  const nearest = new Float64Array(total).fill(1);
  const chosen: number[] = [];
  while (chosen.length < codes) {
    const next = draw(nearest, random);
    for (let at = 0; at < total; at++) {
      const distance = squaredDistance(seen, at, next, width);
      nearest[at] = chosen.length === 0 ? distance : Math.min(nearest[at] as number, distance);
    }
    chosen.push(next);
  }
  return rowsOf(seen, chosen, width);
}
