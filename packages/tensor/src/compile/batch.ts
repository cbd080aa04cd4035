import type { BatchedCode, Kernel } from './kernel.js';
import { nodesOf, type Segment } from './segments.js';

interface Member {
  readonly kernel: Kernel;
  readonly batched: BatchedCode;
}

/**
 * Makes one kernel of all that have the same code: an optimizer's updates of all parameters, the sums of all their
 * gradients. The caller knows that none of these kernels reads what another one computes.
 */
export function batchKernels(kernels: readonly Kernel[]): Kernel[] {
  const alike = new Map<string, Member[]>();
  for (const kernel of kernels) {
    const batched = kernel.batched?.();
    if (batched === undefined) continue;
    const members = alike.get(batched.code) ?? [];
    members.push({ kernel, batched });
    alike.set(batched.code, members);
  }
  const batches = new Map<Kernel, readonly Kernel[]>();
  for (const members of alike.values()) {
    if (members.length < 2) continue;
    members.forEach(({ kernel }, at) => {
      batches.set(kernel, at === 0 ? [batchOf(members)] : []);
    });
  }
  return kernels.flatMap((kernel) => batches.get(kernel) ?? kernel);
}

/** A kernel as one that works through parts of its tensor, where that can be. */
export function inParts(kernel: Kernel): Kernel | undefined {
  const batched = kernel.batched?.();
  return batched && { ...batchOf([{ kernel, batched }]), name: kernel.name };
}

function batchOf(members: readonly Member[]): Kernel {
  const [first] = members as [Member];
  const segments = members.map(({ kernel: { bindings, outputs }, batched: { count } }): Segment => {
    return { count, elements: outputs[0]?.size ?? 0, place: 0, bindings };
  });
  const { code, form } = first.batched;
  return {
    name: `${first.kernel.name} (of ${members.length} tensors)`,
    variant: undefined,
    code,
    workgroups: [0, 1, 1],
    bindings: nodesOf(segments),
    parameters: [],
    outputs: members.flatMap(({ kernel }) => kernel.outputs),
    // Members run side by side, so that what one writes over nobody else may read.
    readsInPlace: (node, result) =>
      members
        .filter(({ kernel }) => kernel.bindings.includes(node))
        .every(({ kernel }) => kernel.outputs.includes(result) && kernel.readsInPlace(node, result)),
    segmented: { form, segments },
  };
}
