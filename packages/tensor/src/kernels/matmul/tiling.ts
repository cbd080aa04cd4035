import { MAX_WORKGROUPS } from '../../compile/segments.js';
import type { GraphNode } from '../../graph.js';
import { type MatmulAttributes, type MatmulSizes, matmulSizes } from '../../ops/matmul.js';
import { rowMajorStrides, type Shape, sameShape, sizeOf } from '../../shape.js';

/** A matrix product cut into tiles of its result, one a workgroup. */
export interface Tiling extends MatmulSizes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /**
   * Statements that declare `rows`, `inner`, `columns` (sizes of the product), `tileRow`, `tileColumn` (where the
   * tile begins) and `startA`, `startB`, `startC` (where the matrices begin, in elements); they leave workgroups
   * without a tile. They know no sizes, so that products of all sizes share a pipeline.
   */
  readonly locate: string;
  /** The sizes, as the kernel's parameters. */
  readonly parameters: readonly number[];
  readonly workgroups: readonly [number, number, number];
}

/** Elements from one batch entry to the next: a number that is a parameter, or WGSL where batch axes broadcast. */
function batchStride(batch: Shape, own: Shape, matrix: number): number | string {
  if (own.every((size) => size === 1)) return 0;
  if (sameShape(own, batch)) return matrix;
  const strides = rowMajorStrides(batch);
  const ownStrides = rowMajorStrides(own);
  const terms = own.flatMap((size, axis) => {
    if (size === 1) return [];
    const at = axis + batch.length - own.length;
    return [`(entry / ${strides[at]}u % ${batch[at]}u) * ${ownStrides[axis]}u`];
  });
  return `(${terms.join(' + ')}) * ${matrix}u`;
}

/** Spreads tiles over workgroups: along columns first, so that neighbours share rows of A. */
export function layTiles(
  node: GraphNode,
  attributes: MatmulAttributes,
  tileRows: number,
  tileColumns: number,
): Tiling {
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const sizes = matmulSizes(a.shape, b.shape, attributes);
  const { batch, rows, inner, columns } = sizes;
  const across = Math.ceil(columns / tileColumns);
  const down = Math.ceil(rows / tileRows);
  const total = across * down * sizeOf(batch);
  const width = Math.min(total, MAX_WORKGROUPS);
  const strideA = batchStride(batch, a.shape.slice(0, -2), rows * inner);
  const strideB = batchStride(batch, b.shape.slice(0, -2), inner * columns);
  const start = (stride: number | string, parameter: string): string =>
    typeof stride === 'string' ? stride : `entry * ${parameter}`;
  const locate = `
  let rows = sizes[0].x;
  let inner = sizes[0].y;
  let columns = sizes[0].z;
  let across = sizes[0].w;
  let tile = group.y * sizes[1].z + group.x;
  if (tile >= sizes[1].y) { return; }
  let tileColumn = (tile % across) * ${tileColumns}u;
  let tileRow = (tile / across % sizes[1].x) * ${tileRows}u;
  let entry = tile / (across * sizes[1].x);
  let startA = ${start(strideA, 'sizes[1].w')};
  let startB = ${start(strideB, 'sizes[2].x')};
  let startC = entry * (rows * columns);`;
  const numeric = (stride: number | string): number => (typeof stride === 'number' ? stride : 0);
  return {
    ...sizes,
    ...attributes,
    locate,
    parameters: [rows, inner, columns, across, down, total, width, numeric(strideA), numeric(strideB)],
    workgroups: [width, total === 0 ? 0 : Math.ceil(total / width), 1],
  };
}
