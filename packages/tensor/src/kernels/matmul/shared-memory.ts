import type { KernelContext, KernelText } from '../../compile/kernel.js';
import type { MatmulAttributes } from '../../ops/matmul.js';
import { layTiles } from './tiling.js';

const DEPTH = 16;
/** Invocations of a workgroup along each side of its tile. */
const SIDE = 16;

/**
 * For GPUs: workgroups load square tiles of A and B into shared memory, and each invocation computes a square of
 * results, 2 x 2 of a tile of 32 or 4 x 4 of one of 64.
 */
export function sharedTiles(
  { node, attributes, wgsl }: KernelContext<MatmulAttributes>,
  tile: number,
): KernelText {
  const each = tile / SIDE;
  const vector = `vec${each}<f32>`;
  // Rows of the tiles in shared memory are one longer, so that lanes fall on different banks.
  const pitch = tile + 1;
  const { locate, parameters, workgroups, transposeA, transposeB } = layTiles(node, attributes, tile, tile);
  const load = (
    name: string,
    read: (place: string) => string,
    start: string,
    transposed: boolean,
    limit: string,
    tileStart: string,
  ): string => `
    for (var i = lane; i < ${tile * DEPTH}u; i += 256u) {
      // Neighbouring lanes read neighbouring addresses.
      let aside = ${transposed ? `i % ${tile}u` : `i / ${DEPTH}u`};
      let deep = ${transposed ? `i / ${tile}u` : `i % ${DEPTH}u`};
      let at = ${tileStart} + aside;
      let along = k + deep;
      var value = 0.0;
      if (at < ${limit} && along < inner) { value = ${read(`${start} + ${transposed ? `along * ${limit} + at` : 'at * inner + along'}`)}; }
      ${name}[deep * ${pitch}u + aside] = value;
    }`;
  return {
    workgroupSize: [SIDE, SIDE, 1],
    workgroups,
    parameters,
    declarations: `var<workgroup> sharedA: array<f32, ${pitch * DEPTH}>;\nvar<workgroup> sharedB: array<f32, ${pitch * DEPTH}>;`,
    body: `${locate}
  var sums = array<${vector}, ${each}>();
  for (var k = 0u; k < inner; k += ${DEPTH}u) {${load('sharedA', wgsl.reader(0), 'startA', transposeA, 'rows', 'tileRow')}${load('sharedB', wgsl.reader(1), 'startB', !transposeB, 'columns', 'tileColumn')}
    workgroupBarrier();
    for (var deep = 0u; deep < ${DEPTH}u; deep++) {
      let fromA = deep * ${pitch}u + local.y * ${each}u;
      let fromB = deep * ${pitch}u + local.x;
      let right = ${vector}(${Array.from({ length: each }, (_, at) => `sharedB[fromB + ${at * SIDE}u]`).join(', ')});
      for (var r = 0u; r < ${each}u; r++) { sums[r] += sharedA[fromA + r] * right; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < ${each}u; r++) {
    let row = tileRow + local.y * ${each}u + r;
    for (var c = 0u; c < ${each}u; c++) {
      let column = tileColumn + local.x + c * ${SIDE}u;
      if (row < rows && column < columns) { ${wgsl.store('startC + row * columns + column', 'sums[r][c]')} }
    }
  }`,
  };
}
