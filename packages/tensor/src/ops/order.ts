// Operations that change no values, but when they are computed, and where they lie. Kernels run in the order in which
// their operations were written; what fuses into a later kernel is computed there.

import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import type { Tensor } from '../tensor.js';
import { reshapeOperation } from './movement.js';

/**
 * `tensor`, for a computation that happens again once `upstream` is there. A reshape to the same shape takes no memory
 * and no kernel; its second input, which nothing reads, makes it another node than `tensor`. So what is computed from
 * it is not merged with what has been computed from `tensor`.
 */
export const again = (tensor: Tensor, upstream: Tensor): Tensor =>
  apply(reshapeOperation, [tensor, upstream], { shape: tensor.shape });

const storeOperation: Operation<undefined> = {
  name: 'store',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: (inputs[0] as GraphNode).dtype }),
  gradient: (upstream) => [upstream],
  lowering: {
    kind: 'kernel',
    inlined: [0],
    build: ({ node, wgsl }) =>
      wgsl.perInvocation(node.size, (place) =>
        wgsl.emitter.scoped(() => {
          const input = node.inputs[0] as GraphNode;
          const value = wgsl.emitter.value(input, wgsl.emitter.indexOfFlat(input.shape, place));
          wgsl.emitter.line(wgsl.store(place, value));
        }),
      ),
  },
};

/**
 * `tensor`, a float, computed here into memory of its own rather than within the kernels that use it, so that what it was
 * computed from need not be kept for them.
 */
export function store(tensor: Tensor): Tensor {
  const { lowering } = tensor.node.operation;
  const isStored = lowering.kind === 'kernel' || lowering.kind === 'leaf';
  return isStored ? tensor : apply(storeOperation, [tensor], undefined);
}
