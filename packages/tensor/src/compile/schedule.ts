import type { GraphNode } from '../graph.js';
import { canonicalize } from './canonical.js';
import { type Placement, reducedSize } from './emitter.js';
import { buildKernels, type Kernel, type Target } from './kernel.js';
import { mergeKernels } from './merge.js';

/** Which nodes get buffers, and the kernels that fill them, in an order in which they can run. */
export interface Schedule {
  readonly kernels: readonly Kernel[];
  readonly placement: Placement;
}

// Costs are in units of one arithmetic instruction for one element.
const LOAD = 1.5;
const STORE = 2;
/** A dispatch costs about as much as this many instructions (tens of microseconds on a software adapter). */
const DISPATCH = 20000;
/** An operation inlined into a hand-written kernel (a mask) is recomputed rather than stored unless it is dear. */
const MASK_DISCOUNT = 0.05;
/** Statements in one kernel after which drivers' compilers take long. */
const MAX_STATEMENTS = 256;

const isLeaf = (node: GraphNode): boolean => node.source !== undefined;
const isPart = (node: GraphNode): boolean => node.operation.lowering.kind === 'part' && !isLeaf(node);
const isReshape = (node: GraphNode): boolean => node.operation.name === 'reshape';
const isCast = (node: GraphNode): boolean => node.operation.name === 'cast' && !isLeaf(node);
/** Kernels widen f16 where they load it, so that what is widened needs no buffer beside what it is widened from. */
const isWidening = (node: GraphNode): boolean =>
  isCast(node) && node.dtype === 'f32' && node.inputs[0]?.dtype === 'f16';

const isSegmented = ({ operation: { lowering } }: GraphNode): boolean =>
  lowering.kind === 'kernel' && lowering.segmented === true;

/** Decides for each node between a buffer and recomputation inside the kernels that need it. */
class Placer implements Placement {
  readonly canonical: (node: GraphNode) => GraphNode;
  readonly maxBuffers: number;
  readonly #order: readonly GraphNode[];
  readonly #stored = new Set<GraphNode>();
  /** Instructions for one element of a node, when everything below that has no buffer is inlined. */
  readonly #work = new Map<GraphNode, number>();
  /** Widened values that are asked for: the only ones with buffers. */
  readonly #asked = new Set<GraphNode>();

  constructor(
    readonly roots: readonly GraphNode[],
    target: Target,
  ) {
    this.maxBuffers = target.maxBuffers;
    const graph = canonicalize(roots, target);
    this.canonical = graph.canonical;
    this.#order = graph.order;
    for (const root of roots) {
      let at = this.canonical(root);
      while (isReshape(at) && !isLeaf(at)) at = this.canonical(at.inputs[0] as GraphNode);
      if (isWidening(at)) this.#asked.add(at);
    }
    for (const node of [...roots, ...graph.partials]) this.#store(node);
    this.#forceForward();
    this.#chooseBackward();
    this.#enforceLimit();
  }

  /** Whether the buffer of its input serves a node as well. */
  #isView(node: GraphNode): boolean {
    return (isReshape(node) && !isLeaf(node)) || (isWidening(node) && !this.#asked.has(node));
  }

  /** The node that `node` is a reshape of, or is widened from. */
  #base(node: GraphNode): GraphNode {
    let at = this.canonical(node);
    while (this.#isView(at)) at = this.canonical(at.inputs[0] as GraphNode);
    return at;
  }

  #store(node: GraphNode): void {
    this.#stored.add(this.#base(node));
  }

  bufferOf(node: GraphNode): GraphNode | undefined {
    const base = this.#base(node);
    return isLeaf(base) || this.#stored.has(base) ? base : undefined;
  }

  /** The order in which nodes can be computed. */
  get order(): readonly GraphNode[] {
    return this.#order;
  }

  /** Hand-written kernels need buffers around them; so does whatever would make a kernel too large. */
  #forceForward(): void {
    const consumers = new Map<GraphNode, number>();
    for (const node of this.#order) {
      for (const input of node.inputs) {
        const canonical = this.canonical(input);
        consumers.set(canonical, (consumers.get(canonical) ?? 0) + 1);
      }
    }
    const buffers = new Map<GraphNode, ReadonlySet<GraphNode>>();
    const statements = new Map<GraphNode, number>();
    const asBuffer = (node: GraphNode): void => {
      buffers.set(node, new Set([this.#base(node)]));
      statements.set(node, 1);
      this.#work.set(node, 1);
    };
    for (const node of this.#order) {
      if (isLeaf(node)) {
        asBuffer(node);
        continue;
      }
      const inputs = [...new Set(node.inputs.map((input) => this.canonical(input)))];
      const { lowering } = node.operation;
      if (lowering.kind === 'part') this.#stored.add(node);
      const inlined =
        lowering.kind === 'kernel' ? (lowering.inlined ?? []).flatMap((at) => node.inputs[at] ?? []) : inputs;
      if (lowering.kind === 'kernel') {
        node.inputs.forEach((input, at) => {
          if (!lowering.inlined?.includes(at)) this.#store(input);
        });
        this.#stored.add(node);
      }
      const limit =
        this.maxBuffers - (lowering.kind === 'kernel' ? this.#ownBuffers(node, lowering.inlined) : 1);
      const candidates = inlined.map((input) => this.canonical(input));
      const union = (): ReadonlySet<GraphNode> =>
        new Set(candidates.flatMap((input) => [...(buffers.get(input) ?? [])]));
      const total = (): number =>
        candidates.reduce(
          (sum, input) => sum + (statements.get(input) ?? 1) / (consumers.get(input) ?? 1),
          1,
        );
      while (union().size > limit || total() > MAX_STATEMENTS) {
        const tooManyBuffers = union().size > limit;
        const weight = (input: GraphNode): number =>
          (tooManyBuffers ? buffers.get(input)?.size : statements.get(input)) ?? 1;
        const heaviest = candidates.reduce((a, b) => (weight(b) > weight(a) ? b : a));
        if (weight(heaviest) <= 1) break;
        this.#store(heaviest);
        asBuffer(heaviest);
      }
      if (this.bufferOf(node) !== undefined) {
        asBuffer(node);
        continue;
      }
      buffers.set(node, union());
      statements.set(node, total());
      this.#work.set(node, this.#elementWork(node, inputs));
    }
  }

  /** Buffers that a kernel written by hand binds for itself: results, and inputs that are not inlined. */
  #ownBuffers(node: GraphNode, inlined: readonly number[] = []): number {
    if (isSegmented(node)) return 2;
    const inputs = node.inputs.filter((_, at) => !inlined.includes(at)).map((input) => this.#base(input));
    const parts = this.#order.filter(
      (each) => isPart(each) && this.canonical(each.inputs[0] as GraphNode) === node,
    );
    return 1 + parts.length + new Set(inputs).size;
  }

  #elementWork(node: GraphNode, inputs: readonly GraphNode[]): number {
    const { lowering } = node.operation;
    const below = inputs.reduce(
      (sum, input, at) => sum + (this.#work.get(input) ?? 1) * this.#reads(node, at),
      0,
    );
    if (lowering.kind === 'reduction') return below + reducedSize(node);
    return below + (lowering.kind === 'elementwise' || lowering.kind === 'indexed' ? lowering.work : 0);
  }

  /** Elements of input `at` that one element of `node` reads. */
  #reads(node: GraphNode, at: number): number {
    const { lowering } = node.operation;
    if (lowering.kind === 'reduction') return reducedSize(node);
    if (lowering.kind === 'kernel') {
      return (MASK_DISCOUNT * (node.inputs[at] as GraphNode).size) / Math.max(node.size, 1);
    }
    return (lowering.kind === 'indexed' ? lowering.reads?.(node)[at] : undefined) ?? 1;
  }

  /** From the roots down: how often would each node be computed, and is a buffer cheaper? */
  #chooseBackward(): void {
    const uses = new Map<GraphNode, Map<GraphNode, number>>();
    for (let position = this.#order.length - 1; position >= 0; position--) {
      const node = this.#order[position] as GraphNode;
      if (isLeaf(node)) continue;
      let readers = uses.get(node) ?? new Map<GraphNode, number>();
      uses.delete(node);
      if (!this.#isView(node)) {
        // What is repeated is stored before it is repeated.
        const mayStore = node.operation.name !== 'expand' && !this.#stored.has(node);
        // Who rounds to f16 wants that kept, and not what was rounded.
        const isKept = isCast(node) && node.dtype === 'f16' && readers.size > 1;
        if (mayStore && (isKept || this.#buffersPay(node, readers))) this.#stored.add(node);
        if (this.#stored.has(node)) readers = new Map([[node, node.size]]);
      }
      node.inputs.forEach((input, at) => {
        const canonical = this.canonical(input);
        const counts = uses.get(canonical) ?? new Map<GraphNode, number>();
        uses.set(canonical, counts);
        for (const [reader, count] of readers) {
          counts.set(reader, Math.max(counts.get(reader) ?? 0, count * this.#reads(node, at)));
        }
      });
    }
  }

  /** Gives buffers to more nodes until no kernel binds more than the adapter allows. */
  #enforceLimit(): void {
    // From the last on: what gets a buffer comes before its reader, and then it is its turn.
    for (const node of this.#order.toReversed()) {
      if (!this.#stored.has(node) || isLeaf(node) || isSegmented(node)) continue;
      for (;;) {
        const reached = new Map<GraphNode, ReadonlySet<GraphNode>>();
        const bound = new Set(node.inputs.flatMap((input) => [...this.#buffersBelow(input, reached)]));
        if (bound.size < this.maxBuffers || reached.size === 0) break;
        const [heaviest, below] = [...reached].reduce((a, b) => (b[1].size > a[1].size ? b : a));
        if (below.size <= 1) break;
        this.#store(heaviest);
      }
    }
  }

  /** The buffers that computing `node` reads; `reached` collects the nodes without a buffer on the way. */
  #buffersBelow(node: GraphNode, reached: Map<GraphNode, ReadonlySet<GraphNode>>): ReadonlySet<GraphNode> {
    const stored = this.bufferOf(node);
    if (stored !== undefined) return new Set([stored]);
    const canonical = this.canonical(node);
    const known = reached.get(canonical);
    if (known !== undefined) return known;
    const below = new Set(canonical.inputs.flatMap((input) => [...this.#buffersBelow(input, reached)]));
    reached.set(canonical, below);
    return below;
  }

  #buffersPay(node: GraphNode, readers: ReadonlyMap<GraphNode, number>): boolean {
    const work = this.#work.get(node) ?? 1;
    let evaluations = 0;
    for (const count of readers.values()) evaluations += count;
    return evaluations * work > node.size * (work + STORE) + evaluations * LOAD + DISPATCH;
  }
}

/** Plans the kernels that compute `roots`. */
export function schedule(roots: readonly GraphNode[], target: Target): Schedule {
  const placer = new Placer(roots, target);
  const parts = new Map<GraphNode, GraphNode[]>();
  for (const part of placer.order.filter(isPart)) {
    const whole = placer.canonical(part.inputs[0] as GraphNode);
    parts.set(whole, [...(parts.get(whole) ?? []), part]);
  }
  const stored = placer.order.filter((node) => !isLeaf(node) && placer.bufferOf(node) === node);
  const merges = mergeKernels(stored, roots, placer, target);
  const built = new Map<GraphNode, readonly Kernel[]>();
  const wanted = roots.flatMap((root) => placer.bufferOf(root) ?? []);
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const whole = isPart(next) ? placer.canonical(next.inputs[0] as GraphNode) : next;
    const node = merges.owners.get(whole) ?? whole;
    if (isLeaf(node) || built.has(node)) continue;
    const { others = [], from } = merges.kernels.get(node) ?? {};
    const kernels = buildKernels(
      { node, others, from, parts: parts.get(from ?? node) ?? [] },
      placer,
      target,
    );
    built.set(node, kernels);
    for (const { bindings, outputs } of kernels)
      wanted.push(...bindings.filter((binding) => !outputs.includes(binding)));
  }
  return { kernels: placer.order.flatMap((node) => built.get(node) ?? []), placement: placer };
}
