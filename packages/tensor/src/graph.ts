import type { Device } from './device.js';
import type { DType, HostArray } from './dtype.js';
import type { Operation } from './operation.js';
import type { Storage } from './runtime/storage.js';
import { checkElements, type Shape, sizeOf } from './shape.js';
import type { VariableState } from './variable.js';

/** Where the values of a leaf (or of a node that has been evaluated) are. */
export type Source =
  | { readonly kind: 'host'; readonly values: HostArray }
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'variable'; readonly variable: VariableState; readonly version: number }
  | { readonly kind: 'input'; readonly name: string };

let nextId = 0;

/** The id of the next node: all nodes with a smaller one were made before. */
export const nextNodeId = (): number => nextId;

/**
 * One immutable step of a computation: an operation, what it reads, and what it gives. Only two things ever
 * change: evaluation may attach a `source`, and then cut the inputs that no gradient can ask for.
 */
export class GraphNode {
  readonly id = nextId++;
  readonly size: number;
  /** Whether a gradient may be asked through this node, so that its history must be kept. */
  readonly tracked: boolean;
  /** Made of numbers that are written in the graph, so that a compiler may know its values. */
  readonly dataless: boolean;

  constructor(
    readonly device: Device,
    readonly operation: Operation,
    public inputs: readonly GraphNode[],
    public attributes: unknown,
    readonly shape: Shape,
    readonly dtype: DType,
    public source?: Source,
    tracked = false,
  ) {
    this.size = sizeOf(shape);
    checkElements(operation.name, shape);
    this.dataless = source === undefined && inputs.every((input) => input.dataless || input.size === 0);
    this.tracked =
      tracked || (operation.gradient !== 'nonDifferentiable' && inputs.some((input) => input.tracked));
  }

  /** Evaluated nodes on the longest way down, this one included. */
  #generation = 0;
  /** The history of a computed node is gone. */
  dropped = false;

  /**
   * Remembers the evaluated values. The history is kept where a trainable variable is below. Elsewhere it is kept
   * for a few generations of evaluated nodes, so that a gradient may be asked after a value has been read, and then
   * dropped, so that a loop that feeds values back does not grow without end.
   */
  settle(source: Source): void {
    this.source = source;
    if (this.tracked || this.inputs.length === 0) return;
    this.#generation =
      1 +
      Math.max(
        ...topologicalOrder(this.inputs, (node) => (node.source ? [] : node.inputs)).map(
          (node) => node.#generation,
        ),
      );
    if (this.#generation <= KEPT_GENERATIONS) return;
    this.#generation = 0;
    this.inputs = [];
    this.attributes = undefined;
    this.dropped = true;
  }
}

const KEPT_GENERATIONS = 4;

/**
 * The nodes that `roots` depend on, each after its inputs. Iterative, since graphs of thousands of chained
 * operations are ordinary.
 */
export function topologicalOrder(
  roots: readonly GraphNode[],
  inputsOf: (node: GraphNode) => readonly GraphNode[] = (node) => node.inputs,
): GraphNode[] {
  const order: GraphNode[] = [];
  const seen = new Set<GraphNode>();
  const stack: { node: GraphNode; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: GraphNode; next: number };
      const input = inputsOf(top.node)[top.next++];
      if (input === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}
