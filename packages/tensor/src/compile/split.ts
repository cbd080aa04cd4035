import { type ComputedDType, NEUTRAL } from '../dtype.js';
import { GraphNode } from '../graph.js';
import type { Operation } from '../operation.js';
import { type MatmulAttributes, matmulOperation, matmulSizes } from '../ops/matmul.js';
import { placeOperation, reshapeOperation } from '../ops/movement.js';
import { type ReductionAttributes, reduction } from '../ops/reduce.js';
import type { Shape } from '../shape.js';
import { reducedSize } from './emitter.js';
import type { Target } from './kernel.js';

/** Reductions longer than this are split: for parallelism where few results are asked, else for accuracy. */
const LONG = 1024;
const VERY_LONG = 16384;
const FEW_RESULTS = 4096;
/** Of a single sum, a CPU adds up so many terms before a second kernel for the rest would pay. */
const LONG_ALONE = 4096;

/** A node that applies `operation`. */
export const derive = <A>(
  operation: Operation<A>,
  inputs: readonly GraphNode[],
  attributes: A,
): GraphNode => {
  const { shape, dtype } = operation.infer(inputs, attributes);
  const { device } = inputs[0] as GraphNode;
  return new GraphNode(device, operation as unknown as Operation, inputs, attributes, shape, dtype);
};

/** About the square root of `length`, a divisor of it if one is near. */
function partCount(length: number): number {
  const root = Math.ceil(Math.sqrt(length));
  for (let parts = root; parts <= 4 * root; parts++) if (length % parts === 0) return parts;
  return root;
}

/** A long reduction as two: of strided parts, then of their results. The nodes after the input, in order. */
function splitReduction(
  node: GraphNode,
  input: GraphNode,
  { software }: Target,
): readonly GraphNode[] | undefined {
  const { reducer, axes } = node.attributes as ReductionAttributes;
  const length = reducedSize(node);
  if (reducer === 'argmax' || reducer === 'argmin' || length < LONG) return undefined;
  if (software && node.size === 1 && length < LONG_ALONE) return undefined;
  if (node.size > FEW_RESULTS && length < VERY_LONG) return undefined;
  const along = axes.reduce((longest, axis) =>
    (input.shape[axis] as number) > (input.shape[longest] as number) ? axis : longest,
  );
  const size = input.shape[along] as number;
  if (size < 4) return undefined;
  const parts = partCount(size);
  const each = Math.ceil(size / parts);
  const nodes: GraphNode[] = [];
  const push = (next: GraphNode): GraphNode => {
    nodes.push(next);
    return next;
  };
  const resized = (replacement: Shape): Shape => input.shape.toSpliced(along, 1, ...replacement);
  let padded = input;
  if (each * parts !== size) {
    const strides = input.shape.map(() => ({ start: 0, step: 1 }));
    const fill = NEUTRAL[reducer][input.dtype as ComputedDType];
    padded = push(derive(placeOperation, [input], { strides, shape: resized([each * parts]), fill }));
  }
  const grid = push(derive(reshapeOperation, [padded], { shape: resized([each, parts]) }));
  // `each` stays at `along`, `parts` comes after it; axes behind move by one.
  const first = axes.map((axis) => (axis > along ? axis + 1 : axis));
  const partial = push(derive(reduction, [grid], { reducer, axes: first }));
  const partsAxis = along - axes.filter((axis) => axis < along).length;
  push(derive(reduction, [partial], { reducer, axes: [partsAxis] }));
  return nodes;
}

/** Results of a product of which a workgroup of a GPU computes one tile. */
const TILE = 64 * 64;
/** The shortest sum worth a part of its own. */
const SHORTEST_PART = 128;

/**
 * The gradient of a weight: few results, each a sum over all tokens. On a GPU the sums are cut into parts, so that there
 * are workgroups for all of it. A CPU has few cores, and tiles enough for them.
 */
function splitProduct(
  node: GraphNode,
  [a, b]: readonly [GraphNode, GraphNode],
  { software, workgroupsToFill }: Target,
): readonly GraphNode[] | undefined {
  const attributes = node.attributes as MatmulAttributes;
  if (software || !attributes.transposeA || attributes.transposeB || a.shape.length > 2 || b.shape.length > 2)
    return undefined;
  const { rows, inner, columns } = matmulSizes(a.shape, b.shape, attributes);
  let parts = 1;
  const more = (): boolean => (rows * columns * 2 * parts) / TILE <= workgroupsToFill;
  while (more() && inner % (2 * parts) === 0 && inner / (2 * parts) >= SHORTEST_PART) parts *= 2;
  if (parts === 1) return undefined;
  const cut = (factor: GraphNode, width: number): GraphNode =>
    derive(reshapeOperation, [factor], { shape: [parts, inner / parts, width] });
  const [partsA, partsB] = [cut(a, rows), cut(b, columns)];
  const products = derive(matmulOperation, [partsA, partsB], attributes);
  return [partsA, partsB, products, derive(reduction, [products], { reducer: 'sum', axes: [0] })];
}

/**
 * A long reduction or product as several operations: all of them, in order; the last gives the result, the one before it
 * the parts of it, which must be stored.
 */
export function split(
  node: GraphNode,
  inputs: readonly GraphNode[],
  target: Target,
): readonly GraphNode[] | undefined {
  if (node.operation.lowering.kind === 'reduction')
    return splitReduction(node, inputs[0] as GraphNode, target);
  if (node.operation.name === matmulOperation.name)
    return splitProduct(node, inputs as [GraphNode, GraphNode], target);
  return undefined;
}
