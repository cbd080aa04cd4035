import { isFloat } from './dtype.js';
import { ForetokenError, ShapeError } from './errors.js';
import { type GraphNode, topologicalOrder } from './graph.js';
import { apply, type GradientRule, type Operation } from './operation.js';
import { formatShape, sameShape } from './shape.js';
import { Tensor } from './tensor.js';

type InputsOf = (node: GraphNode) => readonly GraphNode[];

/** The nodes that a gradient goes on to from `node`. */
export const gradientInputs: InputsOf = (node) =>
  node.operation.gradient === 'nonDifferentiable' || node.dropped
    ? []
    : (node.operation.gradientInputs?.(node.attributes as never) ?? node.inputs);

function checkScalar(op: string, loss: Tensor): void {
  if (loss.size !== 1 || loss.dtype !== 'f32') {
    throw new ShapeError(
      `${op}: expected one f32 element to differentiate, got ${loss.dtype}${formatShape(loss.shape)}. Take sum() or mean().`,
    );
  }
}

/** The sum of two gradients of one tensor, in its dtype; f16 is added up in f32. */
export function addGradients(sum: Tensor | undefined, gradient: Tensor): Tensor {
  if (sum === undefined) return gradient;
  return sum.cast('f32').add(gradient.cast('f32')).cast(gradient.dtype);
}

/**
 * Gradients with respect to those nodes of `order` on a path from a target to the last one, whose gradient is
 * `seed`.
 */
function propagate(
  seed: Tensor,
  order: readonly GraphNode[],
  targets: ReadonlySet<GraphNode>,
  inputsOf: InputsOf = gradientInputs,
): Map<GraphNode, Tensor> {
  const reaches = new Set<GraphNode>();
  for (const node of order) {
    if (targets.has(node) || inputsOf(node).some((input) => reaches.has(input))) reaches.add(node);
  }
  const gradients = new Map<GraphNode, Tensor>();
  const last = order.at(-1) as GraphNode;
  if (!reaches.has(last)) return gradients;
  gradients.set(last, seed);
  for (let position = order.length - 1; position >= 0; position--) {
    const node = order[position] as GraphNode;
    const upstream = gradients.get(node);
    const inputs = inputsOf(node);
    if (upstream === undefined || inputs.length === 0) continue;
    // The gradient of an inner node is of no further use, and would keep the graph alive.
    if (!targets.has(node)) gradients.delete(node);
    const rule = node.operation.gradient as GradientRule<unknown>;
    const results = rule(upstream, {
      inputs: inputs.map((input) => new Tensor(input)),
      output: new Tensor(node),
      attributes: node.attributes,
    });
    inputs.forEach((input, at) => {
      const gradient = results[at];
      if (gradient === undefined || !isFloat(input.dtype) || !reaches.has(input)) return;
      if (!sameShape(gradient.shape, input.shape)) {
        throw new ShapeError(
          `internal: the gradient of ${node.operation.name} has shape ${formatShape(gradient.shape)} for an input of ${formatShape(input.shape)}.`,
        );
      }
      // A gradient has the dtype of what it belongs to.
      const own = gradient.cast(input.dtype);
      gradients.set(input, addGradients(gradients.get(input), own));
    });
  }
  return gradients;
}

const one = (loss: Tensor): Tensor => loss.device.full(loss.shape, 1, 'f32');

/**
 * What `upstream`, the gradient of `value`, contributes to each target directly: what lies below a target is left to
 * the target.
 */
export function pullBack(
  value: Tensor,
  upstream: Tensor,
  targets: ReadonlySet<GraphNode>,
): ReadonlyMap<GraphNode, Tensor> {
  const inputsOf: InputsOf = (node) => (targets.has(node) ? [] : gradientInputs(node));
  return propagate(upstream, topologicalOrder([value.node], inputsOf), targets, inputsOf);
}

/**
 * Gradients of a scalar with respect to tensors that it was computed from. They are ordinary lazy tensors, so
 * they can be differentiated again.
 *
 * @throws ForetokenError when the loss does not depend on one of the tensors
 */
export function grad<const Tensors extends readonly Tensor[]>(
  loss: Tensor,
  tensors: Tensors,
): { -readonly [Place in keyof Tensors]: Tensor } {
  checkScalar('grad', loss);
  const order = topologicalOrder([loss.node], gradientInputs);
  if (
    tensors.some(({ node }) => !node.tracked) &&
    order.some(({ dropped, dtype }) => dropped && isFloat(dtype))
  ) {
    throw new ForetokenError(
      'grad: some of the history of the loss was dropped, since it is several evaluations old. Make what you differentiate by a variable, or give device.tensor() requiresGrad.',
    );
  }
  const gradients = propagate(one(loss), order, new Set(tensors.map((tensor) => tensor.node)));
  const results = tensors.map((tensor, position) => {
    const gradient = gradients.get(tensor.node);
    if (gradient === undefined) {
      throw new ForetokenError(
        `grad: the loss does not depend on tensor ${position} ${formatShape(tensor.shape)}, or only through operations that have no gradient.`,
      );
    }
    return gradient;
  });
  return results as { -readonly [Place in keyof Tensors]: Tensor };
}

/** Adds the gradient of a scalar to `grad` of each trainable variable that it depends on. */
export function backward(loss: Tensor): void {
  checkScalar('backward', loss);
  const order = topologicalOrder([loss.node], gradientInputs);
  const leaves = order.filter((node) => node.source?.kind === 'variable' && node.source.variable.trainable);
  if (leaves.length === 0) {
    throw new ForetokenError('backward: the loss does not depend on any trainable variable.');
  }
  const gradients = propagate(one(loss), order, new Set(leaves));
  for (const node of leaves) {
    const gradient = gradients.get(node);
    if (gradient === undefined || node.source?.kind !== 'variable') continue;
    const { variable } = node.source;
    variable.grad = addGradients(variable.grad, gradient);
  }
}

interface CustomGradientAttributes {
  readonly inputs: readonly GraphNode[];
  readonly rule: GradientRule<undefined>;
}

const customGradientOperation: Operation<CustomGradientAttributes> = {
  name: 'customGradient',
  infer: ([value]) => ({ shape: (value as GraphNode).shape, dtype: (value as GraphNode).dtype }),
  gradientInputs: ({ inputs }) => inputs,
  gradient: (upstream, { inputs, output, attributes: { rule } }) =>
    rule(upstream, { inputs, output, attributes: undefined }),
  lowering: { kind: 'alias' },
};

/**
 * `value`, whose gradient with respect to `inputs` is given by `rule` instead of by the operations that computed
 * it: for formulas that are cheaper, or more accurate, than what differentiation by parts would give.
 */
export function customGradient(
  value: Tensor,
  inputs: readonly Tensor[],
  rule: GradientRule<undefined>,
): Tensor {
  return apply(customGradientOperation, [value], { inputs: inputs.map((input) => input.node), rule });
}
