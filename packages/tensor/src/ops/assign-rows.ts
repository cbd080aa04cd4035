import type { KernelContext, KernelText } from '../compile/kernel.js';
import { DTypeError, ForetokenError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import { formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';

interface AxisAttributes {
  readonly axis: number;
}

/** One invocation an element of the rows. */
function assignRowsKernel({ node, attributes: { axis }, wgsl }: KernelContext<AxisAttributes>): KernelText {
  const { emitter, output } = wgsl;
  const [, rows, places] = node.inputs as [GraphNode, GraphNode, GraphNode];
  return wgsl.perInvocation(rows.size, (place) =>
    emitter.scoped(() => {
      const dims = emitter.dims({ shape: rows.shape, flat: place });
      const own = emitter.value(places, { shape: places.shape, dims: [dims[axis] as string] });
      const to = emitter.bind('u32', `u32(${own})`);
      const at = emitter.flat({
        shape: node.shape,
        dims: dims.map((dim, each) => (each === axis ? to : dim)),
      });
      const value = emitter.value(rows, { shape: rows.shape, flat: place });
      emitter.line(`if (${to} < ${node.shape[axis]}u) { ${output}[${at}] = ${value}; }`);
    }),
  );
}

/**
 * The variable (input 0) with some rows replaced. It is written where the variable lies and nowhere else, so the kernel
 * leaves all other rows alone, and need not even read them.
 */
const assignRowsOperation: Operation<AxisAttributes> = {
  name: 'assignRows',
  infer: (inputs) => ({ shape: (inputs[0] as GraphNode).shape, dtype: (inputs[0] as GraphNode).dtype }),
  gradient: 'nonDifferentiable',
  lowering: { kind: 'kernel', build: assignRowsKernel, inlined: [1, 2], overwrites: true },
};

/** See `Variable.assignRows`. */
export function assignRows(variable: Variable, axis: number, rows: Tensor, places: Tensor): Tensor {
  const along = normalizeAxis('assignRows', axis, variable.rank);
  if (rows.dtype !== 'f32' || variable.dtype !== 'f32' || places.dtype !== 'i32') {
    throw new DTypeError(
      `assignRows: expected an f32 variable, f32 rows and i32 places, got ${variable.dtype}, ${rows.dtype} and ${places.dtype}.`,
    );
  }
  const expected = variable.shape.with(along, places.size);
  if (places.rank !== 1 || formatShape(rows.shape) !== formatShape(expected)) {
    throw new ShapeError(
      `assignRows: places ${formatShape(places.shape)} along axis ${along} of ${variable.name} ${formatShape(variable.shape)} take rows ${formatShape(expected)}, got ${formatShape(rows.shape)}.`,
    );
  }
  if (variable.state.pending.size > 0) {
    throw new ForetokenError(
      `assignRows: ${variable.name} has been assigned and not evaluated yet. Put all rows into one call, or realize() first.`,
    );
  }
  const whole = apply(assignRowsOperation, [variable, rows, places], { axis: along });
  variable.assign(whole);
  return whole;
}
