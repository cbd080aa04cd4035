import type { KernelContext, KernelText } from '../compile/kernel.js';
import { repeat } from '../compile/loops.js';
import { MAX_WORKGROUPS } from '../compile/segments.js';
import type { GraphNode } from '../graph.js';
import { laneCount } from './lanes.js';

/**
 * The places of ids `[count]` in the order of the ids, equal ones in the order of their places. Each invocation counts
 * the ids that come before its own, so that every place of the result is written once: no atomics, no passes.
 */
export function sortedOrderKernel({ node, wgsl }: KernelContext<undefined>): KernelText {
  const count = node.size;
  const wide = count % 4 === 0;
  const ids = wgsl.input(0, wide ? 'vec4<i32>' : 'i32');
  const before = (id: string, place: string): string =>
    `rank += select(0u, 1u, ${id} < own || (${id} == own && ${place} < place));`;
  const body = wide
    ? `let others = ${ids}[at];
    ${[0, 1, 2, 3].map((part) => before(`others[${part}]`, `4u * at + ${part}u`)).join('\n    ')}`
    : before(`${ids}[at]`, 'at');
  return wgsl.perInvocation(
    count,
    (place) => `  let own = ${wide ? `${ids}[${place} / 4u][${place} % 4u]` : `${ids}[${place}]`};
  var rank = 0u;
  ${repeat('at', { end: wide ? 'sizes[0].x / 4u' : 'sizes[0].x' }, body)}
  ${wgsl.output}[rank] = i32(${place});`,
  );
}

/**
 * Sums the rows of `source` `[count, width]` that have one id, in the order of their places: row `id` of the result.
 * Inputs: the sorted order of the ids, the ids, the source.
 */
export function segmentSumKernel({
  node,
  wgsl,
  target,
}: KernelContext<{ readonly rows: number }>): KernelText {
  const [rows, width] = node.shape as [number, number];
  const count = (node.inputs[0] as GraphNode).size;
  const wide = width % 4 === 0;
  const [order, ids] = [wgsl.input(0), wgsl.input(1)];
  const source = wgsl.reader(2, wide ? 4 : 1);
  const columns = wide ? width / 4 : width;
  const lanes = laneCount(target);
  const across = Math.ceil(columns / lanes);
  const total = rows * across;
  const groups = Math.min(total, MAX_WORKGROUPS);
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: [groups, total === 0 ? 0 : Math.ceil(total / groups), 1],
    parameters: [rows, columns, count, groups, across],
    body: `  let columns = sizes[0].y;
  let count = sizes[0].z;
  let tile = group.y * sizes[0].w + group.x;
  let row = tile / sizes[1].x;
  let column = tile % sizes[1].x * ${lanes}u + lane;
  if (row >= sizes[0].x) { return; }
  // The first place with an id of at least this row.
  var first = 0u;
  var end = count;
  while (first < end) {
    let middle = (first + end) / 2u;
    if (${ids}[${order}[middle]] < i32(row)) { first = middle + 1u; } else { end = middle; }
  }
  var sum = ${wide ? 'vec4<f32>()' : '0.0'};
  while (first < count) {
    let place = u32(${order}[first]);
    if (${ids}[place] != i32(row)) { break; }
    sum += ${source('place * columns + min(column, columns - 1u)')};
    first++;
  }
  if (column < columns) { ${wgsl.output}[row * columns + column] = sum; }`,
  };
}
