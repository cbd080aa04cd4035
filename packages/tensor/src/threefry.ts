/**
 * Threefry-2x32 with 20 rounds: a block cipher as a source of random numbers (Salmon et al., "Parallel Random
 * Numbers: As Easy as 1, 2, 3", SC 2011), the one that JAX uses. A pure function, so that any element of any
 * stream can be computed anywhere, on the host and on the GPU alike.
 */
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const PARITY = 0x1bd11bda;

const rotateLeft = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Encrypts the counter `(x0, x1)` with the key `(k0, k1)`; two random words. */
export function threefry(k0: number, k1: number, x0: number, x1: number): [number, number] {
  const keys = [k0, k1, k0 ^ k1 ^ PARITY];
  let a = (x0 + k0) | 0;
  let b = (x1 + k1) | 0;
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[(group % 2) as 0 | 1]) {
      a = (a + b) | 0;
      b = rotateLeft(b, by) ^ a;
    }
    a = (a + (keys[(group + 1) % 3] as number)) | 0;
    b = (b + (keys[(group + 2) % 3] as number) + group + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
}

/** The same function in WGSL. */
export const THREEFRY_WGSL = `fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
  let keys = array<u32, 3>(key.x, key.y, key.x ^ key.y ^ ${PARITY}u);
  var a = counter.x + keys[0];
  var b = counter.y + keys[1];
${Array.from({ length: 5 }, (_, group) => {
  const rounds = ROTATIONS[(group % 2) as 0 | 1].map(
    (by) => `  a = a + b; b = ((b << ${by}u) | (b >> ${32 - by}u)) ^ a;`,
  );
  return [
    ...rounds,
    `  a = a + keys[${(group + 1) % 3}]; b = b + keys[${(group + 2) % 3}] + ${group + 1}u;`,
  ].join('\n');
}).join('\n')}
  return vec2<u32>(a, b);
}`;

/** Marks counters that derive keys, which thereby never meet the counters of elements. */
export const KEY_DOMAIN = 1;
