import { ForetokenError } from '../errors.js';
import { GraphNode, topologicalOrder } from '../graph.js';
import { permuteOperation } from '../ops/movement.js';
import { formatShape } from '../shape.js';
import type { Target } from './kernel.js';
import { derive, split } from './split.js';

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

/** Attributes as text. JSON has no infinities and NaN, and one zero. */
const textOf = (attributes: unknown): string =>
  JSON.stringify(attributes, (_, value: unknown) =>
    typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
      ? `number ${Object.is(value, -0) ? '-0' : value}`
      : value,
  );

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
    : derive(permuteOperation, [from], { order });
}

/**
 * Merges nodes of equal operation, attributes and inputs; sees through aliases and assigned variables; splits
 * long reductions and products.
 */
export function canonicalize(roots: readonly GraphNode[], target: Target): CanonicalGraph {
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
    const key = `${node.operation.name}|${ids}|${node.dtype}${node.shape}|${textOf(node.attributes)}`;
    const twin = known.get(key);
    if (twin !== undefined) {
      representative.set(node, canonical(twin));
      return;
    }
    known.set(key, node);
    const parts = split(node, node.inputs.map(canonical), target);
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

  // In the order in which operations were written: a gradient soon follows what it needs, which then makes room. The
  // order of the search would compute the gradients of all weights last.
  for (const node of topologicalOrder(roots, dependencies).sort((a, b) => a.id - b.id)) {
    const [pending] = node.source === undefined ? [] : dependencies(node);
    const whole = node.source === undefined ? wholeOf(node) : undefined;
    if (pending !== undefined) representative.set(node, canonical(pending));
    else if (whole?.source !== undefined) admitLatePart(node, whole);
    else admit(node);
  }
  return { order, canonical, partials };
}
