import type { KernelContext, KernelText, Target } from '../../compile/kernel.js';
import type { GraphNode } from '../../graph.js';
import type { MatmulAttributes } from '../../ops/matmul.js';
import { registerTiles } from './registers.js';
import { sharedTiles } from './shared-memory.js';
import { subgroupTiles } from './subgroups.js';

interface Variant {
  readonly name: string;
  readonly build: (context: KernelContext<MatmulAttributes>) => KernelText;
  readonly outputType: (node: GraphNode) => string;
}

/** Of variants that write four columns at once where they can. */
const vectorOutput = ({ shape }: GraphNode): string =>
  (shape.at(-1) as number) % 4 === 0 ? 'vec4<f32>' : 'f32';

const REGISTERS: Variant = { name: 'registers', build: registerTiles, outputType: vectorOutput };
const SUBGROUPS: Variant = {
  name: 'subgroups',
  build: (context) => subgroupTiles(context),
  outputType: vectorOutput,
};
const SHARED: Variant = { name: 'shared memory', build: sharedTiles, outputType: () => 'f32' };

function variantFor({ software, subgroupSize }: Target): Variant {
  if (!software) return SHARED;
  return subgroupSize === undefined ? REGISTERS : SUBGROUPS;
}

/** The matrix product, in the variant for the adapter. */
export function matmulKernel(context: KernelContext<MatmulAttributes>): KernelText {
  const { name, build } = variantFor(context.target);
  return { ...build(context), variant: name };
}

/** The WGSL element type of the result. */
export const matmulOutputType = (node: GraphNode, target: Target): string =>
  variantFor(target).outputType(node);
