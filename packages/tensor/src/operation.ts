import type { Emitter, Index } from './compile/emitter.js';
import type { KernelBuilder, Target } from './compile/kernel.js';
import type { DType } from './dtype.js';
import { GraphNode } from './graph.js';
import type { Shape } from './shape.js';
import { Tensor } from './tensor.js';

/** What a gradient rule sees of the node that it differentiates. */
export interface GradientContext<Attributes> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attributes: Attributes;
}

/** One gradient for each input; `undefined` where the output does not depend smoothly on it. */
export type GradientRule<Attributes> = (
  upstream: Tensor,
  context: GradientContext<Attributes>,
) => readonly (Tensor | undefined)[];

/**
 * How an operation becomes WGSL.
 * - `leaf`: it has values already.
 * - `alias`: its values are those of its first input.
 * - `elementwise`: an expression over the inputs' elements at the same index.
 * - `indexed`: an expression that reads its inputs at indices of its own (movement, gather, iota).
 * - `reduction`: a loop over some axes of its only input; the attributes are `ReductionAttributes`.
 * - `kernel`: a kernel written by hand; its inputs lie in buffers, but for those named `inlined`.
 * - `part`: another result of the kernel of its only input, see `ops/part.ts`.
 */
export type Lowering<Attributes> =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'alias' }
  | {
      readonly kind: 'elementwise';
      expression(operands: readonly string[], attributes: Attributes, inputs: readonly GraphNode[]): string;
      /** Rough arithmetic cost: 1 for an addition, about 10 for a transcendental. */
      readonly work: number;
    }
  | {
      readonly kind: 'indexed';
      emit(emitter: Emitter, node: GraphNode, attributes: Attributes, index: Index): string;
      readonly work: number;
      /** How often one element of the result reads each input; 1 when absent. */
      reads?(node: GraphNode): readonly number[];
    }
  | { readonly kind: 'reduction' }
  | { readonly kind: 'part' }
  | {
      readonly kind: 'kernel';
      /** One kernel, or several that fill the output in turn. */
      readonly build: KernelBuilder<Attributes> | readonly KernelBuilder<Attributes>[];
      /** The WGSL element type of the output buffer, where it is not the plain one of the dtype. */
      outputType?(node: GraphNode, target: Target): string;
      readonly inlined?: readonly number[];
      /** Works through its inputs as the segments of one binding, so that there may be any number of them. */
      readonly segmented?: boolean;
      /** Writes a part of what its first input, a variable, holds: its output has to lie there. */
      readonly overwrites?: boolean;
      /** Its results go through `KernelWriter.store`, so that elementwise work on them, or just a rounding to f16, can be done before they are stored. */
      readonly epilogue?: boolean | 'rounding';
    };

/** Everything there is to know about one operation. */
export interface Operation<Attributes = never> {
  readonly name: string;
  readonly infer: (inputs: readonly GraphNode[], attributes: Attributes) => { shape: Shape; dtype: DType };
  readonly gradient: GradientRule<Attributes> | 'nonDifferentiable';
  /** The nodes that the gradient rule gives gradients for, where they are not the inputs. */
  readonly gradientInputs?: (attributes: Attributes) => readonly GraphNode[];
  readonly lowering: Lowering<Attributes>;
}

/** Adds a node that applies `operation`. All inputs must belong to one device. */
export function apply<Attributes>(
  operation: Operation<Attributes>,
  inputs: readonly Tensor[],
  attributes: Attributes,
): Tensor {
  const nodes = inputs.map((input) => input.node);
  const { shape, dtype } = operation.infer(nodes, attributes);
  const device = (inputs[0] as Tensor).device;
  for (const input of inputs) device.checkOwn(operation.name, input);
  return new Tensor(
    new GraphNode(device, operation as unknown as Operation, nodes, attributes, shape, dtype),
  );
}
