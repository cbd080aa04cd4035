import type { Kernel } from './kernel.js';
import { nodesOf, type Segment } from './segments.js';

/**
 * Makes one kernel of all that have the same code: an optimizer's updates of all parameters, the sums of all their
 * gradients. The caller knows that none of these kernels reads what another one computes.
 */
export function batchKernels(kernels: readonly Kernel[]): Kernel[] {
  const alike = new Map<string, Kernel[]>();
  for (const kernel of kernels) {
    if (kernel.batched === undefined) continue;
    alike.set(kernel.code, [...(alike.get(kernel.code) ?? []), kernel]);
  }
  const batches = new Map<Kernel, Kernel | undefined>();
  for (const members of alike.values()) {
    if (members.length < 2) continue;
    members.forEach((member, at) => {
      batches.set(member, at === 0 ? batchOf(member, members) : undefined);
    });
  }
  return kernels.flatMap((kernel) => (batches.has(kernel) ? (batches.get(kernel) ?? []) : kernel));
}

function batchOf(first: Kernel, members: readonly Kernel[]): Kernel {
  const { code, form } = (first.batched as NonNullable<Kernel['batched']>)();
  const segments = members.map(({ parameters, bindings, outputs }): Segment => {
    return { count: parameters[0] as number, elements: outputs[0]?.size ?? 0, place: 0, bindings };
  });
  return {
    name: `${first.name} (of ${members.length} tensors)`,
    variant: undefined,
    code,
    workgroups: [0, 1, 1],
    bindings: nodesOf(segments),
    parameters: [],
    outputs: members.flatMap(({ outputs }) => outputs),
    // Members run side by side, so that what one writes over nobody else may read.
    readsInPlace: (node, result) =>
      members
        .filter(({ bindings }) => bindings.includes(node))
        .every((member) => member.outputs.includes(result) && member.readsInPlace(node, result)),
    segmented: { form, segments },
  };
}
