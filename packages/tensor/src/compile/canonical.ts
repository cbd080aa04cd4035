import { type DType, HIGHEST_F32, LOWEST_F32 } from '../dtype.js';
import { ForetokenError } from '../errors.js';
import { GraphNode, topologicalOrder } from '../graph.js';
import type { Operation } from '../operation.js';
import { permuteOperation, placeOperation, reshapeOperation } from '../ops/movement.js';
import { type ReductionAttributes, reduction } from '../ops/reduce.js';
import { formatShape, type Shape } from '../shape.js';
import { reducedSize } from './emitter.js';

/** The graph below some roots, without repetitions. */
export interface CanonicalGraph {
  /** Each node after its inputs; leaves included. */
  readonly order: readonly GraphNode[];
  /** The node of `order` that has the values of `node`. */
  canonical(node: GraphNode): GraphNode;
  /** First stages of split reductions: inlined into the second they would gain nothing. */
  readonly partials: ReadonlySet<GraphNode>;
}

/** The node whose kernel computes `node` as well. */
const wholeOf = (node: GraphNode): GraphNode | undefined =>
  node.operation.lowering.kind === 'part' ? node.inputs[0] : undefined;

/** What evaluation has to read first: nothing where the values are known already. */
function dependencies(node: GraphNode): readonly GraphNode[] {
  const { source } = node;
  if (source === undefined) {
    const whole = wholeOf(node);
    return whole?.source === undefined ? node.inputs : whole.inputs;
  }
  if (source.kind !== 'variable' || source.version === source.variable.storedVersion) return [];
  const pending = source.variable.pending.get(source.version);
  if (pending !== undefined) return [pending];
  const { name } = source.variable;
  throw new ForetokenError(
    `variable ${name} ${formatShape(node.shape)}: a tensor was built on values that have been replaced since. Evaluate it before the assignment, or together with it: device.realize(tensor).`,
  );
}

/** Reductions longer than this are split: for parallelism where few results are asked, else for accuracy. */
const LONG = 1024;
const VERY_LONG = 16384;
const FEW_RESULTS = 4096;

const NEUTRAL: Record<string, Record<DType, number>> = {
  sum: { f32: 0, i32: 0, u32: 0, bool: 0 },
  max: { f32: LOWEST_F32, i32: -2147483648, u32: 0, bool: 0 },
  min: { f32: HIGHEST_F32, i32: 2147483647, u32: 4294967295, bool: 1 },
};

const derive = <A>(operation: Operation<A>, input: GraphNode, attributes: A): GraphNode => {
  const { shape, dtype } = operation.infer([input], attributes);
  return new GraphNode(input.device, operation as unknown as Operation, [input], attributes, shape, dtype);
};

const isPermute = (node: GraphNode): boolean =>
  node.operation.name === permuteOperation.name && node.source === undefined;
const orderOf = (node: GraphNode): readonly number[] =>
  (node.attributes as { readonly order: readonly number[] }).order;

/** A permutation of a permutation as one, or as none. */
function mergePermutes(node: GraphNode, input: GraphNode): GraphNode {
  if (!isPermute(input)) return node;
  const order = orderOf(node).map((axis) => orderOf(input)[axis] as number);
  const from = input.inputs[0] as GraphNode;
  return order.every((axis, position) => axis === position)
    ? from
    : derive(permuteOperation, from, { order });
}

/** About the square root of `length`, a divisor of it if one is near. */
function partCount(length: number): number {
  const root = Math.ceil(Math.sqrt(length));
  for (let parts = root; parts <= 4 * root; parts++) if (length % parts === 0) return parts;
  return root;
}

/** A long reduction as two: of strided parts, then of their results. The nodes after the input, in order. */
function splitReduction(node: GraphNode, input: GraphNode): readonly GraphNode[] | undefined {
  const { reducer, axes } = node.attributes as ReductionAttributes;
  const length = reducedSize(node);
  if (reducer === 'argmax' || reducer === 'argmin' || length < LONG) return undefined;
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
    const fill = (NEUTRAL[reducer] as Record<DType, number>)[input.dtype];
    padded = push(derive(placeOperation, input, { strides, shape: resized([each * parts]), fill }));
  }
  const grid = push(derive(reshapeOperation, padded, { shape: resized([each, parts]) }));
  // `each` stays at `along`, `parts` comes after it; axes behind move by one.
  const first = axes.map((axis) => (axis > along ? axis + 1 : axis));
  const partial = push(derive(reduction, grid, { reducer, axes: first }));
  const partsAxis = along - axes.filter((axis) => axis < along).length;
  push(derive(reduction, partial, { reducer, axes: [partsAxis] }));
  return nodes;
}

/**
 * Merges nodes of equal operation, attributes and inputs; sees through aliases and assigned variables; splits
 * long reductions.
 */
export function canonicalize(roots: readonly GraphNode[]): CanonicalGraph {
  const representative = new Map<GraphNode, GraphNode>();
  const known = new Map<string, GraphNode>();
  const order: GraphNode[] = [];
  const partials = new Set<GraphNode>();
  const canonical = (node: GraphNode): GraphNode => representative.get(node) ?? node;

  const admit = (node: GraphNode): void => {
    const [input] = node.inputs;
    if (node.source !== undefined) {
      order.push(node);
      return;
    }
    if (node.operation.lowering.kind === 'alias') {
      representative.set(node, canonical(input as GraphNode));
      return;
    }
    const merged = isPermute(node) ? mergePermutes(node, canonical(input as GraphNode)) : node;
    if (merged !== node) {
      if (merged.source === undefined && isPermute(merged)) admit(merged);
      representative.set(node, canonical(merged));
      return;
    }
    const ids = node.inputs.map((each) => canonical(each).id).join();
    const key = `${node.operation.name}|${ids}|${node.dtype}${node.shape}|${JSON.stringify(node.attributes)}`;
    const twin = known.get(key);
    if (twin !== undefined) {
      representative.set(node, canonical(twin));
      return;
    }
    known.set(key, node);
    const parts =
      node.operation.lowering.kind === 'reduction'
        ? splitReduction(node, canonical(input as GraphNode))
        : undefined;
    if (parts === undefined) {
      order.push(node);
      return;
    }
    for (const part of parts) admit(part);
    partials.add(canonical(parts[parts.length - 2] as GraphNode));
    representative.set(node, canonical(parts[parts.length - 1] as GraphNode));
  };

  /** A part that nobody wanted when its whole was evaluated: both are computed again. */
  const admitLatePart = (node: GraphNode, whole: GraphNode): void => {
    const { device, operation, inputs, attributes, shape, dtype } = whole;
    if (whole.dropped) {
      throw new ForetokenError(
        `${operation.name} ${formatShape(shape)}: it was evaluated several evaluations ago, and its history is gone. Make what you differentiate by a variable, or give device.tensor() requiresGrad.`,
      );
    }
    const again = new GraphNode(device, operation, inputs, attributes, shape, dtype);
    admit(again);
    const part = new GraphNode(
      device,
      node.operation,
      [canonical(again)],
      node.attributes,
      node.shape,
      node.dtype,
    );
    admit(part);
    representative.set(node, canonical(part));
  };

  for (const node of topologicalOrder(roots, dependencies).sort((a, b) => a.id - b.id)) {
    const [pending] = node.source === undefined ? [] : dependencies(node);
    const whole = node.source === undefined ? wholeOf(node) : undefined;
    if (pending !== undefined) representative.set(node, canonical(pending));
    else if (whole?.source !== undefined) admitLatePart(node, whole);
    else admit(node);
  }
  return { order, canonical, partials };
}
