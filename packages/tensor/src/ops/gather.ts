import { loopEnd } from '../compile/loops.js';
import { wgslLiteral } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import { checkShape, formatShape, normalizeAxis } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { where } from './elementwise.js';
import { checkIndices } from './indices.js';

/** Names no row. */
export const NO_ROW = { value: -1, name: 'none' };

interface AxisAttributes {
  readonly axis: number;
}

/** `out[.., i, ..] = table[.., index[.., i, ..], ..]`; 0 where the index is out of range. */
const gatherOperation: Operation<AxisAttributes> = {
  name: 'gather',
  infer: (inputs) => ({ shape: (inputs[1] as GraphNode).shape, dtype: (inputs[0] as GraphNode).dtype }),
  gradient: (upstream, { inputs: [table, index], attributes: { axis } }) => {
    const { shape } = table as Tensor;
    return [apply(scatterOperation, [index as Tensor, upstream.cast('f32')], { axis, shape }), undefined];
  },
  lowering: {
    kind: 'indexed',
    work: 3,
    emit: (emitter, node, { axis }, index) => {
      const [table, places] = node.inputs as [GraphNode, GraphNode];
      const place = emitter.bind('u32', `u32(${emitter.value(places, index)})`);
      const dims = emitter.dims(index).map((dim, at) => (at === axis ? place : dim));
      return emitter.branch(node.dtype, [
        {
          condition: `${place} < ${table.shape[axis]}u`,
          body: () => emitter.value(table, { shape: table.shape, dims }),
        },
        { body: () => wgslLiteral(0, node.dtype) },
      ]);
    },
  },
};

interface ScatterAttributes extends AxisAttributes {
  readonly shape: readonly number[];
}

/**
 * The transpose of `gather`: sums the source elements that name a place. Each result walks all candidates in
 * order, so the sum is the same on every run; there are no atomics on floats.
 */
const scatterOperation: Operation<ScatterAttributes> = {
  name: 'scatter',
  infer: (inputs, { shape }) => ({ shape, dtype: (inputs[1] as GraphNode).dtype }),
  gradient: (upstream, { inputs: [index], attributes: { axis } }) => [
    undefined,
    apply(gatherOperation, [upstream, index as Tensor], { axis }),
  ],
  lowering: {
    kind: 'indexed',
    work: 10,
    reads: (node) => {
      const { axis } = node.attributes as unknown as ScatterAttributes;
      const length = (node.inputs[0] as GraphNode).shape[axis] as number;
      return [length, length];
    },
    emit: (emitter, node, { axis }, index) => {
      const [places, source] = node.inputs as [GraphNode, GraphNode];
      const dims = emitter.dims(index);
      const own = emitter.bind('u32', dims[axis] as string);
      // The index may be smaller than the result on the other axes, as torch.scatter_add allows.
      const inside = places.shape.flatMap((size, at) =>
        at !== axis && size < (node.shape[at] as number) ? [`${dims[at]} < ${size}u`] : [],
      );
      const total = emitter.fresh('total');
      const loop = emitter.fresh('at');
      emitter.line(`var ${total} = ${wgslLiteral(0, node.dtype)};`);
      const at = dims.map((dim, position) => (position === axis ? loop : dim));
      const block = emitter.scoped(() => {
        const place = emitter.value(places, { shape: places.shape, dims: at });
        const add = emitter.scoped(() =>
          emitter.line(`${total} += ${emitter.value(source, { shape: source.shape, dims: at })};`),
        );
        emitter.line(`if (u32(${place}) == ${own}) {\n${add}\n}`);
      });
      const walk = `for (var ${loop} = 0u; ${loop} < ${loopEnd(places.shape[axis] as number)}; ${loop}++) {\n${block}\n}`;
      emitter.line(inside.length === 0 ? walk : `if (${inside.join(' && ')}) {\n${walk}\n}`);
      return total;
    },
  },
};

function checkIndex(op: string, tensor: Tensor, axis: number, index: Tensor): void {
  if (index.dtype !== 'i32')
    throw new DTypeError(`${op}: expected an i32 index, got ${index.dtype}. Use cast('i32').`);
  const fits =
    index.rank === tensor.rank &&
    index.shape.every((size, at) => at === axis || size <= (tensor.shape[at] as number));
  if (!fits) {
    throw new ShapeError(
      `${op}: the index ${formatShape(index.shape)} must have the rank of ${formatShape(tensor.shape)} and be no larger on the axes other than ${axis}.`,
    );
  }
}

/** As torch.gather. An index out of range is refused where the host knows it; computed on the GPU it gives 0. */
export function gather(tensor: Tensor, axis: number, index: Tensor): Tensor {
  const along = normalizeAxis('gather', axis, tensor.rank);
  checkIndex('gather', tensor, along, index);
  checkIndices(index, { name: 'gather: index', size: tensor.shape[along] as number });
  return apply(gatherOperation, [tensor, index], { axis: along });
}

/** Rows of `table` by their ids `[count]`; zeros for ids out of range. */
export function gatherRows(table: Tensor, ids: Tensor): Tensor {
  const index = ids.unsqueeze(1).expand([ids.size, table.shape[1] as number]);
  return apply(gatherOperation, [table, index], { axis: 0 });
}

/**
 * As torch.scatter_add, out of place. An index out of range is refused where the host knows it; computed on the GPU it adds
 * nothing.
 */
export function scatterAdd(tensor: Tensor, axis: number, index: Tensor, source: Tensor): Tensor {
  const along = normalizeAxis('scatterAdd', axis, tensor.rank);
  checkIndex('scatterAdd', tensor, along, index);
  checkIndices(index, { name: 'scatterAdd: index', size: tensor.shape[along] as number });
  if (source.dtype !== tensor.dtype) {
    throw new DTypeError(`scatterAdd: dtypes ${tensor.dtype} and ${source.dtype} differ. Use cast().`);
  }
  if (source.rank !== index.rank || source.shape.some((size, at) => size < (index.shape[at] as number))) {
    throw new ShapeError(
      `scatterAdd: the source ${formatShape(source.shape)} must be at least as large as the index ${formatShape(index.shape)}.`,
    );
  }
  const used = index.shape.reduce((part, size, at) => part.slice(at, 0, size), source);
  return tensor.add(apply(scatterOperation, [index, used], { axis: along, shape: tensor.shape }));
}

/**
 * f32 `[..., classes]` with a 1 at the place that each integer names; -1 gives a row of zeros. Others out of range are
 * refused where the host knows them; computed on the GPU they give a row of zeros too.
 */
export function oneHot(tensor: Tensor, classes: number): Tensor {
  if (tensor.dtype !== 'i32')
    throw new DTypeError(`oneHot: expected i32, got ${tensor.dtype}. Use cast('i32').`);
  checkShape('oneHot', [...tensor.shape, classes]);
  checkIndices(tensor, { name: 'oneHot: class', size: classes, also: NO_ROW });
  return hotRows(tensor, classes);
}

/** The same without a check. */
export function hotRows(tensor: Tensor, classes: number): Tensor {
  const hot = tensor.unsqueeze(tensor.rank).eq(tensor.device.arange(classes));
  return where(hot, 1, tensor.device.full([], 0));
}
