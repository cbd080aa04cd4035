import { customGradient, gradientInputs, pullBack } from '../autograd.js';
import type { Device } from '../device.js';
import { ForetokenError } from '../errors.js';
import { type GraphNode, nextNodeId, topologicalOrder } from '../graph.js';
import { formatShape, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { VariableState } from '../variable.js';
import { again } from './order.js';

/** A function of tensors whose gradient can be made by running it again. */
export type CheckpointBody = (...inputs: Tensor[]) => Tensor;

/** Runs `body`, which must not assign variables: it would do so twice. */
function runPure(device: Device, body: () => Tensor): Tensor {
  const versions = new Map<VariableState, number>();
  for (const state of device.pendingVariables) versions.set(state, state.version);
  const value = body();
  for (const state of device.pendingVariables) {
    if (versions.get(state) === state.version) continue;
    throw new ForetokenError(
      `checkpoint: the body assigned variable ${state.name}, and would do so again in the backward pass. Assign it outside.`,
    );
  }
  return value;
}

/** Where `value` was computed from, of what had been made before node `first`: inputs, and what else the body uses. */
function outerNodes(value: GraphNode, first: number): GraphNode[] {
  const order = topologicalOrder([value], (node) => (node.id < first ? [] : gradientInputs(node)));
  return order.filter(({ id }) => id < first);
}

/** Refuses a second run that is not the first one over again: gradients would be wrong, or get lost. */
function checkSecondRun(value: Tensor, second: Tensor, targets: ReadonlySet<GraphNode>): void {
  if (!sameShape(second.shape, value.shape) || second.dtype !== value.dtype) {
    throw new ForetokenError(
      `checkpoint: the body gave ${value.dtype}${formatShape(value.shape)}, then ${second.dtype}${formatShape(second.shape)} in the backward pass. It must give the same for the same inputs.`,
    );
  }
  const order = topologicalOrder([second.node], (node) => (targets.has(node) ? [] : gradientInputs(node)));
  const stray = order.find((node) => node.tracked && !targets.has(node) && gradientInputs(node).length === 0);
  if (stray === undefined) return;
  const name = stray.source?.kind === 'variable' ? `variable ${stray.source.variable.name}` : 'a tensor';
  throw new ForetokenError(
    `checkpoint: in the backward pass the body used ${name} ${formatShape(stray.shape)}, which it had not used before, or which has been assigned since. Call backward() before assigning variables, and make none in the body.`,
  );
}

/**
 * `body(...inputs)`, of which nothing inside is kept for the gradient: the backward pass runs `body` again (activation
 * checkpointing, arXiv 1604.06174). A compiled step then needs the working memory of one body at a time instead of
 * that of all, for the price of a second forward pass.
 *
 * Gradients flow to the inputs and to everything else that `body` uses: variables, and tensors that it closes over.
 * What should be computed again rather than kept must depend on the inputs, so hidden states and dropout keys belong
 * among them; masks and tables that many bodies share do not.
 *
 * @param body - a pure function: it gives the same for the same inputs, and assigns no variables
 * @param inputs - at least one tensor, of any dtype
 * @throws ForetokenError when `body` assigns a variable; in `backward()` and `grad()`, when its second run uses other
 * variables than the first
 * @example
 * const hidden = checkpoint((x) => block.forward(x), [embedded]);
 */
export function checkpoint(body: CheckpointBody, inputs: readonly Tensor[]): Tensor {
  const device = inputs[0]?.device;
  if (device === undefined) throw new ForetokenError('checkpoint: expected at least one input, got none.');
  const originals = inputs.map(({ node }) => node);
  const first = nextNodeId();
  const value = runPure(device, () => body(...inputs));
  const outer = outerNodes(value.node, first);
  const differentiable = outer.filter(({ dtype }) => dtype === 'f32');
  return customGradient(
    value,
    differentiable.map((node) => new Tensor(node)),
    (upstream) => {
      const copies = originals.map((node) => again(new Tensor(node), upstream));
      const second = runPure(device, () => body(...copies));
      const targets = new Set([...outer, ...copies.map(({ node }) => node)]);
      checkSecondRun(value, second, targets);
      const gradients = pullBack(second, upstream, targets);
      // A body may read an input as its argument and from around it as well.
      return differentiable.map((node) =>
        [node, ...copies.flatMap((copy, at) => (originals[at] === node ? [copy.node] : []))]
          .flatMap((each) => gradients.get(each) ?? [])
          .reduce<Tensor | undefined>((sum, part) => sum?.add(part) ?? part, undefined),
      );
    },
  );
}
