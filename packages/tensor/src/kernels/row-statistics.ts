import type { KernelContext, KernelText } from '../compile/kernel.js';
import { repeat } from '../compile/loops.js';
import { LOWEST_F32, wgslLiteral } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import { acrossLanes, laneCount, largerOfBoth, rowGroups, sumOfBoth } from './lanes.js';

export interface RowStatisticsAttributes {
  /** The class that the first column stands for. */
  readonly first: number;
}

/**
 * For each row of logits `[count, classes]` the logarithm of the sum of exponentials, and as part 1 the logit that its target
 * names, 0 where that is none of these classes. One row a workgroup, read twice: for its largest element, and for the sum.
 */
export function rowStatisticsKernel({
  node,
  attributes: { first },
  wgsl,
  target,
}: KernelContext<RowStatisticsAttributes>): KernelText {
  const [count, classes] = (node.inputs[0] as GraphNode).shape as [number, number];
  const isWide = classes % 4 === 0;
  const units = isWide ? classes / 4 : classes;
  const lanes = laneCount(target);
  const read = wgsl.reader(0, isWide ? 4 : 1);
  const targets = wgsl.input(1);
  const chosen = wgsl.part(1);
  const { across, workgroups } = rowGroups(count);
  const lowest = wgslLiteral(LOWEST_F32, 'f32');
  // Lanes without an element read the last one, which changes no maximum, and count it for nothing.
  const overRow = (body: string): string =>
    repeat(
      'unit',
      { end: 'sizes[0].z', step: lanes },
      `let place = unit + lane;
  let logits = ${read('start + min(place, sizes[0].z - 1u)')};
  ${body}`,
    );
  const largest = isWide ? 'max(max(logits.x, logits.y), max(logits.z, logits.w))' : 'logits';
  const powers = isWide ? 'dot(exp(logits - vec4<f32>(highest)), vec4<f32>(1.0))' : 'exp(logits - highest)';
  const element = isWide
    ? `${read('(row * sizes[1].x + u32(label)) / 4u')}[u32(label) % 4u]`
    : read('row * sizes[1].x + u32(label)');
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups,
    parameters: [count, across, units, first, classes],
    ...acrossLanes(target, { row_sum: sumOfBoth, row_max: largerOfBoth }),
    body: `let row = group.y * sizes[0].y + group.x;
  if (row >= sizes[0].x) { return; }
  let start = row * sizes[0].z;
  var own = ${lowest};
  ${overRow(`own = max(own, ${largest});`)}
  let highest = row_max(own, lane);
  var sum = 0.0;
  ${overRow(`sum += select(0.0, ${powers}, place < sizes[0].z);`)}
  let total = row_sum(sum, lane);
  if (lane == 0u) {
    ${wgsl.output}[row] = highest + log(total);
    ${
      chosen === undefined
        ? ''
        : `let label = ${targets}[row] - i32(sizes[0].w);
    var logit = 0.0;
    if (label >= 0 && label < i32(sizes[1].x)) { logit = ${element}; }
    ${chosen}[row] = logit;`
    }
  }`,
  };
}
