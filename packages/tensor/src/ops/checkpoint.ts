import { addGradients, customGradient, gradientInputs, pullBack } from '../autograd.js';
import type { Device } from '../device.js';
import { isFloat } from '../dtype.js';
import { ForetokenError } from '../errors.js';
import { type GraphNode, nextNodeId, topologicalOrder } from '../graph.js';
import { formatShape, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { VariableState } from '../variable.js';
import { again, store } from './order.js';

type Input = Tensor | undefined;

/** What the body gets: a tensor for each input that there is. */
type Arguments<Inputs extends Input[]> = {
  [At in keyof Inputs]: Inputs[At] extends Tensor ? Tensor : Input;
};

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

const describe = ({ shape, source }: GraphNode): string =>
  `${source?.kind === 'variable' ? `variable ${source.variable.name}` : 'a tensor'} ${formatShape(shape)}`;

/**
 * Refuses a second run that is not the first one over again: gradients would be wrong, or get lost.
 *
 * @param outer - what the first run used, with what stands for it in the second
 */
function checkSecondRun(
  value: Tensor,
  second: Tensor,
  outer: ReadonlyMap<GraphNode, readonly GraphNode[]>,
): void {
  const pure = 'The body must compute the same from the same inputs.';
  if (!sameShape(second.shape, value.shape) || second.dtype !== value.dtype) {
    throw new ForetokenError(
      `checkpoint: the body gave ${value.dtype}${formatShape(value.shape)}, then ${second.dtype}${formatShape(second.shape)} when it ran again for the gradient. ${pure}`,
    );
  }
  const targets = new Set([...outer.values()].flat());
  const order = topologicalOrder([second.node], (node) => (targets.has(node) ? [] : gradientInputs(node)));
  const used = new Set(order);
  const lost = [...outer].find(
    ([node, twins]) => node.tracked && isFloat(node.dtype) && !twins.some((twin) => used.has(twin)),
  );
  if (lost !== undefined) {
    throw new ForetokenError(
      `checkpoint: the body did not use ${describe(lost[0])} when it ran again for the gradient. ${pure} Call backward() before assigning variables.`,
    );
  }
  const stray = order.find((node) => node.tracked && !targets.has(node) && gradientInputs(node).length === 0);
  if (stray !== undefined) {
    throw new ForetokenError(
      `checkpoint: the body used ${describe(stray)} only when it ran again for the gradient. ${pure} Make variables outside.`,
    );
  }
}

/**
 * `body(...inputs)`, of which nothing inside is kept for the gradient: the backward pass runs `body` again (activation
 * checkpointing, arXiv 1604.06174). A compiled step then needs the working memory of one body at a time instead of
 * that of all, for the price of a second forward pass.
 *
 * Gradients flow to the inputs and to everything else that `body` uses: variables, and tensors that it closes over.
 * What should be computed again rather than kept must depend on the inputs, so hidden states and dropout keys belong
 * among them; masks and tables that many bodies share do not.
 * A tensor made in the body that leaves it by another way than the result has the gradient of that way alone.
 *
 * @param body - a pure function: it gives the same for the same inputs, and assigns no variables
 * @param inputs - at least one tensor, of any dtype; `undefined` for arguments that are left out
 * @throws ForetokenError when `body` assigns a variable; in `backward()` and `grad()`, when its second run uses other
 * variables than the first
 * @example
 * const hidden = checkpoint((x) => block.forward(x), [embedded]);
 */
export function checkpoint<Inputs extends Input[]>(
  body: (...inputs: Arguments<Inputs>) => Tensor,
  inputs: readonly [...Inputs],
): Tensor {
  const device = inputs.find((input) => input !== undefined)?.device;
  if (device === undefined) throw new ForetokenError('checkpoint: expected at least one input, got none.');
  const originals = inputs.map((input) => input?.node);
  const first = nextNodeId();
  const run = (given: readonly Input[]): Tensor =>
    runPure(device, () => body(...(given as Arguments<Inputs>)));
  const value = run(inputs);
  const outer = outerNodes(value.node, first);
  const differentiable = outer.filter(({ dtype }) => isFloat(dtype));
  return customGradient(
    value,
    differentiable.map((node) => new Tensor(node)),
    (upstream) => {
      const copies = originals.map((node) => node && again(new Tensor(node), upstream));
      const second = run(copies);
      // A body may read an input as its argument and from around it as well.
      const twins = new Map(
        outer.map((node) => [
          node,
          [node, ...copies.flatMap((copy, at) => (copy && originals[at] === node ? [copy.node] : []))],
        ]),
      );
      checkSecondRun(value, second, twins);
      const gradients = pullBack(second, upstream, new Set([...twins.values()].flat()));
      // Those of variables are stored: what uses them may run last, and would keep what is inside the body until then.
      return differentiable.map((node) =>
        (twins.get(node) ?? [])
          .flatMap((twin) => gradients.get(twin) ?? [])
          .map((gradient) => (node.source?.kind === 'variable' ? store(gradient) : gradient))
          .reduce<Tensor | undefined>(addGradients, undefined),
      );
    },
  );
}
