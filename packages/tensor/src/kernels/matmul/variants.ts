import type { KernelContext, KernelText, Target } from '../../compile/kernel.js';
import type { DType } from '../../dtype.js';
import type { GraphNode } from '../../graph.js';
import { type MatmulAttributes, type MatmulSizes, matmulSizes } from '../../ops/matmul.js';
import { type Shape, sizeOf } from '../../shape.js';
import { bucket, type Question } from '../../tune/choices.js';
import { registerTiles } from './registers.js';
import { sharedTiles } from './shared-memory.js';
import { subgroupTiles, usualTile } from './subgroups.js';

interface Variant {
  readonly name: string;
  readonly outputType: (node: GraphNode) => string;
  /** Ways to cut a product into tiles, as rows and columns: `32x64`. */
  readonly tiles: (target: Target) => readonly string[];
  /** The tile to take without a measurement. */
  readonly usual: (sizes: MatmulSizes, target: Target) => string;
  readonly build: (context: KernelContext<MatmulAttributes>, rows: number, columns: number) => KernelText;
}

/** Of variants that write four columns at once where they can. */
const vectorOutput = ({ shape }: GraphNode): string =>
  (shape.at(-1) as number) % 4 === 0 ? 'vec4<f32>' : 'f32';

const REGISTERS: Variant = {
  name: 'registers',
  outputType: vectorOutput,
  tiles: () => [],
  usual: () => 'as it fits',
  build: (context) => registerTiles(context),
};

const SUBGROUPS: Variant = {
  name: 'subgroups',
  outputType: vectorOutput,
  tiles: ({ subgroupSize = 0 }) =>
    [
      [32, 8],
      [32, 4],
      [16, 4],
      [8, 4],
    ].map(([rows, each]) => `${rows}x${(each as number) * subgroupSize}`),
  usual: (sizes, { subgroupSize = 0 }) => {
    const { tileRows, vectors } = usualTile(sizes, subgroupSize);
    return `${tileRows}x${4 * vectors * subgroupSize}`;
  },
  build: (context, tileRows, columns) =>
    subgroupTiles(context, { tileRows, vectors: columns / (4 * (context.target.subgroupSize as number)) }),
};

const SHARED: Variant = {
  name: 'shared memory',
  outputType: () => 'f32',
  tiles: () => ['64x64', '32x32'],
  // Large tiles reuse what they load; small ones leave no part of a large GPU idle.
  usual: ({ batch, rows, columns }) =>
    Math.ceil(rows / 64) * Math.ceil(columns / 64) * sizeOf(batch) >= 128 ? '64x64' : '32x32',
  build: (context, tile) => sharedTiles(context, tile),
};

function variantFor({ software, subgroupSize }: Target): Variant {
  if (!software) return SHARED;
  return subgroupSize === undefined ? REGISTERS : SUBGROUPS;
}

/** What a measurement needs to know of a product. */
export interface MatmulQuestion extends MatmulAttributes {
  readonly operation: 'matmul';
  readonly shapeA: Shape;
  readonly shapeB: Shape;
  readonly dtypeA: DType;
  readonly dtypeB: DType;
}

function questionOf(
  variant: Variant,
  { node, attributes, wgsl, target }: KernelContext<MatmulAttributes>,
): Question {
  const [{ shape: shapeA }, { shape: shapeB }] = node.inputs as [GraphNode, GraphNode];
  const [dtypeA, dtypeB] = [wgsl.storedDType(0), wgsl.storedDType(1)];
  const sizes = matmulSizes(shapeA, shapeB, attributes);
  const { rows, inner, columns } = sizes;
  const batch = sizeOf(sizes.batch);
  const { transposeA, transposeB } = attributes;
  const orientation = `${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`;
  const buckets = [batch, rows, inner, columns].map(bucket).join('x');
  const fallback = variant.usual(sizes, target);
  return {
    key: `matmul ${orientation} ${buckets}${columns % 4 === 0 ? '' : ' odd'}${dtypeA === 'f32' && dtypeB === 'f32' ? '' : ` ${dtypeA} ${dtypeB}`}`,
    candidates: [...new Set([...variant.tiles(target), fallback])],
    fallback,
    work: batch * rows * inner * columns,
    problem: { operation: 'matmul', shapeA, shapeB, dtypeA, dtypeB, transposeA, transposeB },
  };
}

/** The matrix product, in the variant for the adapter and the tile that was chosen for its sizes. */
export function matmulKernel(context: KernelContext<MatmulAttributes>): KernelText {
  const variant = variantFor(context.target);
  const question = questionOf(variant, context);
  const tile = question.candidates.length === 1 ? question.fallback : context.target.choices.pick(question);
  const [rows, columns] = tile.split('x').map(Number) as [number, number];
  return { ...variant.build(context, rows, columns), variant: variant.name };
}

/** The WGSL element type of the result. */
export const matmulOutputType = (node: GraphNode, target: Target): string =>
  variantFor(target).outputType(node);
