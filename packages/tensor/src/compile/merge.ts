import { isFloat } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import type { Placement } from './emitter.js';
import { isVectorizable, type Target } from './kernel.js';

/** What the kernel of a node does beside computing it. */
export interface Merge {
  /** Nodes on the way that it stores as well. */
  readonly others: readonly GraphNode[];
  /** The node with a kernel written by hand that computes this one from its results before they are stored. */
  readonly from?: GraphNode;
}

export interface Merges {
  readonly kernels: ReadonlyMap<GraphNode, Merge>;
  /** For each node that the kernel of another one computes, that other one. */
  readonly owners: ReadonlyMap<GraphNode, GraphNode>;
}

const isLeaf = (node: GraphNode): boolean => node.source !== undefined;
const isElementwise = (node: GraphNode): boolean =>
  node.operation.lowering.kind === 'elementwise' && !isLeaf(node);
/** Whether a node is no more than its input in f16. */
const rounds = (node: GraphNode): boolean => node.operation.name === 'cast' && node.dtype === 'f16';
const isReshape = (node: GraphNode): boolean => node.operation.name === 'reshape';

/** Who reads which buffers, and where. */
class Readers {
  readonly #of = new Map<GraphNode, Set<GraphNode>>();
  readonly #inPlace = new Map<GraphNode, ReadonlySet<GraphNode>>();
  readonly #place = new Map<GraphNode, number>();

  constructor(
    stored: readonly GraphNode[],
    readonly placement: Placement,
  ) {
    stored.forEach((node, place) => {
      this.#place.set(node, place);
      // Other results of a kernel are written by it and read nothing.
      if (node.operation.lowering.kind === 'part') return;
      for (const read of this.reads(node)) this.#of.set(read, (this.#of.get(read) ?? new Set()).add(node));
      if (isElementwise(node)) this.#inPlace.set(node, this.#readInPlace(node));
    });
  }

  /** The nodes whose kernels read the buffer of `node`. */
  of(node: GraphNode): readonly GraphNode[] {
    return [...(this.#of.get(node) ?? [])];
  }
  /** The buffers that the kernel of an elementwise node reads at the places that it writes, and nowhere else. */
  inPlace(node: GraphNode): ReadonlySet<GraphNode> {
    return this.#inPlace.get(node) ?? new Set();
  }
  /** The place of a node in the order of the kernels. */
  place(node: GraphNode): number {
    return this.#place.get(node) ?? -1;
  }

  /** The buffers that the kernel of `node` reads. */
  reads(node: GraphNode): ReadonlySet<GraphNode> {
    const found = new Set<GraphNode>();
    const seen = new Set<GraphNode>();
    const visit = (wanted: GraphNode): void => {
      const stored = this.placement.bufferOf(wanted);
      const at = this.placement.canonical(wanted);
      if (stored !== undefined) found.add(stored);
      if (stored !== undefined || seen.has(at)) return;
      seen.add(at);
      at.inputs.forEach(visit);
    };
    node.inputs.forEach(visit);
    return found;
  }

  #readInPlace(node: GraphNode): ReadonlySet<GraphNode> {
    const [here, elsewhere] = [new Set<GraphNode>(), new Set<GraphNode>()];
    const seen = new Set<string>();
    const visit = (wanted: GraphNode, isHere: boolean): void => {
      const stored = this.placement.bufferOf(wanted);
      const at = this.placement.canonical(wanted);
      if (stored !== undefined) (isHere ? here : elsewhere).add(stored);
      const key = `${at.id} ${isHere}`;
      if (stored !== undefined || seen.has(key)) return;
      seen.add(key);
      for (const input of at.inputs) visit(input, isHere && (isElementwise(at) || isReshape(at)));
    };
    for (const input of node.inputs) visit(input, true);
    for (const read of elsewhere) here.delete(read);
    return here;
  }
}

/**
 * Makes one kernel of several, where that saves passes over memory:
 * - results that a later kernel computes on its way to its own are stored there as well (an optimizer's moments);
 * - elementwise work on the result of a kernel written by hand is done before that is stored (bias and activation
 *   behind a product).
 *
 * @param stored - nodes with buffers of their own, in the order in which they can be computed
 */
export function mergeKernels(
  stored: readonly GraphNode[],
  roots: readonly GraphNode[],
  placement: Placement,
  target: Target,
): Merges {
  const readers = new Readers(stored, placement);
  const results = new Set(roots.map((root) => placement.bufferOf(root) as GraphNode));
  const kernels = new Map<GraphNode, Merge>();
  const owners = new Map<GraphNode, GraphNode>();
  const fits = (nodes: readonly GraphNode[]): boolean =>
    new Set([...nodes, ...nodes.flatMap((node) => [...readers.reads(node)])]).size <= target.maxBuffers;

  for (const node of results) {
    const [reader, ...more] = readers.of(node);
    if (reader === undefined || more.length > 0 || kernels.has(node) || !isElementwise(node)) continue;
    if (!readers.inPlace(reader).has(node) || owners.has(reader) || owners.has(node)) continue;
    const others = [...(kernels.get(reader)?.others ?? []), node];
    if (!fits([reader, ...others])) continue;
    kernels.set(reader, { others });
    owners.set(node, reader);
  }

  for (const node of stored) {
    // Results wait for the end of a step, where they may lie over what others read; products cannot wait with them.
    if (!isElementwise(node) || results.has(node) || kernels.has(node)) continue;
    const candidates = [...readers.inPlace(node)].filter((from) => {
      const { lowering } = from.operation;
      if (isLeaf(from) || lowering.kind !== 'kernel' || owners.has(from)) return false;
      const takesAlong = lowering.epilogue === 'rounding' ? rounds(node) : lowering.epilogue === true;
      if (!takesAlong) return false;
      if (!isFloat(node.dtype) || results.has(from)) return false;
      // What both read would have to be of one element type.
      const reads = readers.reads(from);
      if ([...readers.reads(node)].some((read) => reads.has(read))) return false;
      return readers.of(from).every((reader) => readers.place(reader) >= readers.place(node));
    });
    const from = candidates.reduce<GraphNode | undefined>(
      (last, each) => (last === undefined || readers.place(each) > readers.place(last) ? each : last),
      undefined,
    );
    if (from === undefined || (from.shape.at(-1) as number) % 4 !== 0 || !isVectorizable(node, placement))
      continue;
    const others = readers.of(from).length > 1 ? [from] : [];
    if (!fits([node, from])) continue;
    kernels.set(node, { others, from });
    owners.set(from, node);
  }
  return { kernels, owners };
}
