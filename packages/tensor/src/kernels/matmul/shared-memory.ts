import type { KernelContext, KernelText } from '../../compile/kernel.js';
import type { MatmulAttributes } from '../../ops/matmul.js';
import { layTiles } from './tiling.js';

const TILE = 64;
const DEPTH = 16;
/** Rows of the tiles in shared memory are one longer, so that lanes fall on different banks. */
const PITCH = TILE + 1;

/** For GPUs: workgroups load tiles of A and B into shared memory, and each invocation computes 4 x 4 results. */
export function sharedTiles({ node, attributes, wgsl }: KernelContext<MatmulAttributes>): KernelText {
  const { locate, parameters, workgroups, transposeA, transposeB } = layTiles(node, attributes, TILE, TILE);
  const load = (
    name: string,
    buffer: string,
    start: string,
    transposed: boolean,
    limit: string,
    tileStart: string,
  ): string => `
    for (var i = lane; i < ${TILE * DEPTH}u; i += 256u) {
      // Neighbouring lanes read neighbouring addresses.
      let aside = ${transposed ? `i % ${TILE}u` : `i / ${DEPTH}u`};
      let deep = ${transposed ? `i / ${TILE}u` : `i % ${DEPTH}u`};
      let at = ${tileStart} + aside;
      let along = k + deep;
      var value = 0.0;
      if (at < ${limit} && along < inner) { value = ${buffer}[${start} + ${transposed ? `along * ${limit} + at` : 'at * inner + along'}]; }
      ${name}[deep * ${PITCH}u + aside] = value;
    }`;
  return {
    workgroupSize: [16, 16, 1],
    workgroups,
    parameters,
    declarations: `var<workgroup> sharedA: array<f32, ${PITCH * DEPTH}>;\nvar<workgroup> sharedB: array<f32, ${PITCH * DEPTH}>;`,
    body: `${locate}
  var sums = array<vec4<f32>, 4>();
  for (var k = 0u; k < inner; k += ${DEPTH}u) {${load('sharedA', wgsl.input(0), 'startA', transposeA, 'rows', 'tileRow')}${load('sharedB', wgsl.input(1), 'startB', !transposeB, 'columns', 'tileColumn')}
    workgroupBarrier();
    for (var deep = 0u; deep < ${DEPTH}u; deep++) {
      let fromA = deep * ${PITCH}u + local.y * 4u;
      let fromB = deep * ${PITCH}u + local.x;
      let right = vec4<f32>(sharedB[fromB], sharedB[fromB + 16u], sharedB[fromB + 32u], sharedB[fromB + 48u]);
      for (var r = 0u; r < 4u; r++) { sums[r] += sharedA[fromA + r] * right; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    let row = tileRow + local.y * 4u + r;
    for (var c = 0u; c < 4u; c++) {
      let column = tileColumn + local.x + c * 16u;
      if (row < rows && column < columns) { ${wgsl.output}[startC + row * columns + column] = sums[r][c]; }
    }
  }`,
  };
}
