import type { DType } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import type { Operation } from '../operation.js';
import { apply } from '../operation.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';

interface PartAttributes {
  readonly part: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

const partOperation: Operation<PartAttributes> = {
  name: 'part',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  gradient: 'nonDifferentiable',
  lowering: { kind: 'part' },
};

/** Result number `part` (from 1) of the kernel that computes `tensor`: memory of its own, filled by the same dispatch. */
export function partOf(tensor: Tensor, part: number, shape: Shape, dtype: DType = 'f32'): Tensor {
  return apply(partOperation, [tensor], { part, shape, dtype });
}

/** Which result of its kernel a node is. */
export const partNumber = (node: GraphNode): number => (node.attributes as PartAttributes).part;
