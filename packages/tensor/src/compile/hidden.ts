import type { GraphNode } from '../graph.js';

// What the driver's compiler is not told. Compilers may take for granted that no value is infinite or NaN: where they find out
// that a divisor is zero they drop what is done with the quotient, they take `x * 0` and `x - x` for 0 whatever x is, and they
// multiply constants in advance, also to infinity. So nothing that decides about such a result is known to them.

/** A u32 that is zero in every kernel, as all workgroups lie in two dimensions; no compiler knows. */
export const HIDDEN_ZERO = 'group.z';

/** The same f32; a compiler cannot tell what it is. */
export const hidden = (x: string): string => `bitcast<f32>(bitcast<u32>(${x}) | ${HIDDEN_ZERO})`;

/** Beyond this, and below its reciprocal, products of constants may overflow or vanish. */
const LARGE = 2 ** 40;

/** Whether a compiler may know this f32 number: a few of them multiply to nothing infinite, and none of them is zero. */
export const isOrdinary = (value: number): boolean => {
  const size = Math.abs(value);
  return size <= LARGE && size >= 1 / LARGE;
};

const MOVES = new Set(['expand', 'reshape', 'permute']);

/** The number that a node has everywhere, where it was written as one. */
export function constantOf(node: GraphNode | undefined): number | undefined {
  let at = node;
  while (at !== undefined && at.source === undefined && MOVES.has(at.operation.name)) at = at.inputs[0];
  if (at?.source !== undefined || at?.operation.name !== 'constant') return undefined;
  return (at.attributes as { readonly value: number }).value;
}

/** A factor of a product as WGSL: hidden where a compiler may see that it is zero or not ordinary. */
export function factor(x: string, node: GraphNode | undefined): string {
  if (node?.dtype !== 'f32' || !node.dataless) return x;
  const value = constantOf(node);
  return value !== undefined && (isOrdinary(value) || !isPlain(value)) ? x : hidden(x);
}

/** Whether a number is written into the code as it is, so that compilers know it. Some take -0 for 0. */
export const isPlain = (value: number): boolean => Object.is(value, 0) || isOrdinary(value);

/** A quotient of f32 as WGSL. Whether something can be zero does not follow from the graph: `x - x`. */
export function quotient(a: string, b: string, divisor: GraphNode | undefined): string {
  const value = constantOf(divisor);
  return value !== undefined && isOrdinary(value) ? `(${a} / ${b})` : `(${hidden(a)} / ${hidden(b)})`;
}
