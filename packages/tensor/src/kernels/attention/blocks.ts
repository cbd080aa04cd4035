import type { KernelContext, KernelText, Target } from '../../compile/kernel.js';
import { loopEnd, repeat } from '../../compile/loops.js';
import type { GraphNode } from '../../graph.js';
import type { Operation } from '../../operation.js';
import { laneCount } from '../lanes.js';
import { blockSize } from './tiles.js';

interface BlockAttributes {
  readonly block: number;
}

/** For each square of a mask `[batch, heads, queries, keys]` whether any pair in it is visible. */
function buildBlocks({
  node,
  attributes: { block },
  wgsl,
  target,
}: KernelContext<BlockAttributes>): KernelText {
  const [batch, heads, across, down] = [0, 1, 3, 2].map((axis) => node.shape[axis]) as [
    number,
    number,
    number,
    number,
  ];
  const [queries, keys] = (node.inputs[0] as GraphNode).shape.slice(2) as [number, number];
  const lanes = laneCount(target);
  const { before, inside } = wgsl.elementsInLoop(
    0,
    [['entry', 'head', 'row', 'at']],
    'at',
    ([visible]) => `found = found | select(0u, 1u, ${visible});`,
  );
  const places = repeat(
    'at',
    { start: `group.x * ${block}u`, end: `min(group.x * ${block}u + ${block}u, ${keys}u)` },
    inside,
  );
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: [across, down * heads * batch, 1],
    declarations: 'var<workgroup> seen: atomic<u32>;',
    body: `let queryBlock = group.y % ${down}u;
  let head = group.y / ${down}u % ${heads}u;
  let entry = group.y / ${down * heads}u;
  var found = 0u;
  ${repeat(
    'step',
    { end: loopEnd(block / lanes) },
    `let row = queryBlock * ${block}u + step * ${lanes}u + lane;
  if (row < ${queries}u) {
${before}
${places}
  }`,
  )}
  atomicOr(&seen, found);
  workgroupBarrier();
  if (lane == 0u) { ${wgsl.output}[group.y * ${across}u + group.x] = atomicLoad(&seen); }`,
  };
}

export const attentionBlocks: Operation<BlockAttributes> = {
  name: 'attentionBlocks',
  infer: ([mask], { block }) => {
    const [batch, heads, queries, keys] = (mask as GraphNode).shape as [number, number, number, number];
    return { shape: [batch, heads, Math.ceil(queries / block), Math.ceil(keys / block)], dtype: 'u32' };
  },
  gradient: 'nonDifferentiable',
  lowering: { kind: 'kernel', build: buildBlocks, inlined: [0] },
};

/** The attributes of `attentionBlocks` on an adapter. */
export const blockAttributes = (target: Target): BlockAttributes => ({ block: blockSize(target) });

/** Steps from one state to the next along batch entries, heads and blocks of queries; along blocks of keys it is one. */
export function blockStrides(blocks: GraphNode | undefined): [number, number, number] {
  if (blocks === undefined) return [0, 0, 0];
  const [batch, heads, down, across] = blocks.shape as [number, number, number, number];
  return [batch === 1 ? 0 : heads * down * across, heads === 1 ? 0 : down * across, across];
}
