import type { KernelContext, KernelText, Target } from '../compile/kernel.js';
import { wgslLiteral } from '../dtype.js';
import type { GraphNode } from '../graph.js';

/** What a norm does before scale and shift: `(x - mean) / sqrt(variance + eps)`, or without the mean. */
export interface NormAttributes {
  readonly eps: number;
  /** Whether the mean is taken off first: a layer norm, and not a root-mean-square norm. */
  readonly centre: boolean;
  readonly weight: boolean;
  readonly bias: boolean;
}

const MAX_WORKGROUPS = 65535;
/** Registers of one invocation that hold its share of a row. */
const MOST_REGISTERS = 16;
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const laneCount = ({ software, subgroupSize }: Target): number => (software ? (subgroupSize ?? 8) : 64);
const isWide = (width: number): boolean => width % 4 === 0;
const registersFor = (target: Target, width: number): number =>
  Math.ceil((isWide(width) ? width / 4 : width) / laneCount(target));

/** Whether rows are short enough for the invocations of one workgroup to hold one. */
export const fitsOneWorkgroup = (target: Target, width: number): boolean =>
  width > 0 && registersFor(target, width) <= MOST_REGISTERS;

const normLanes = (width: number): 1 | 4 => (isWide(width) ? 4 : 1);
/** Element type of buffers of rows. */
export const normType = (width: number): string => (isWide(width) ? 'vec4<f32>' : 'f32');

/** One row a workgroup, spread over its lanes: what both directions share. */
function rowKernel({ node, target }: KernelContext<NormAttributes>, source: GraphNode) {
  const width = source.shape.at(-1) as number;
  const rows = source.size / width;
  const units = isWide(width) ? width / 4 : width;
  const lanes = laneCount(target);
  const registers = range(registersFor(target, width));
  const groups = Math.min(rows, MAX_WORKGROUPS);
  const oneSubgroup = target.software && target.subgroupSize !== undefined;
  const zero = isWide(width) ? 'vec4<f32>()' : '0.0';
  const flat = (value: string): string => (isWide(width) ? `dot(${value}, vec4<f32>(1.0))` : value);
  /** Whether a register holds something: the last ones of a row may not. */
  const inside = (r: number): string | undefined =>
    (r + 1) * lanes <= units ? undefined : `${r * lanes}u + lane < ${units}u`;
  const load = (name: string, read: (place: string) => string, start: string): string =>
    registers
      .map((r) => {
        const condition = inside(r);
        const at = `${start}${r * lanes}u + lane`;
        return condition === undefined
          ? `let ${name}${r} = ${read(at)};`
          : `let ${name}${r} = select(${zero}, ${read(`min(${at}, ${start}${units - 1}u)`)}, ${condition});`;
      })
      .join('\n  ');
  return {
    text: {
      workgroupSize: [lanes, 1, 1] as const,
      workgroups: [groups, Math.ceil(rows / Math.max(groups, 1)), 1] as const,
      parameters: [rows, groups],
      ...(oneSubgroup
        ? {
            directives: ['enable subgroups'],
            // Pairs, pairs of pairs ... of lanes exchange their sums, until every lane has that of all.
            declarations: `fn row_sum(value: f32, lane: u32) -> f32 {
  var sum = value;
  ${range(Math.log2(lanes))
    .map((bit) => `sum += subgroupShuffleXor(sum, ${2 ** bit}u);`)
    .join(' ')}
  return sum;
}`,
          }
        : {
            declarations: `var<workgroup> shares: array<f32, ${lanes}>;
fn row_sum(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shares[lane] = value;
  for (var half = ${lanes / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] += shares[lane + half]; }
  }
  workgroupBarrier();
  return shares[0];
}`,
          }),
    },
    locate: `let row = group.y * sizes[0].y + group.x;
  if (row >= sizes[0].x) { return; }
  let start = row * ${units}u;`,
    width,
    load,
    each: (text: (r: number) => string): string => registers.map(text).join('\n  '),
    /** The sum over the whole row of what each register gives. */
    sum: (value: (r: number) => string): string =>
      `row_sum(${registers.map((r) => flat(value(r))).join(' + ')}, lane)`,
    /** A register's value, but nothing beyond the row. */
    kept: (r: number, value: string): string => {
      const condition = inside(r);
      return condition === undefined ? value : `select(${zero}, ${value}, ${condition})`;
    },
    store: (buffer: string, value: (r: number) => string): string =>
      registers
        .map((r) => {
          const condition = inside(r);
          const statement = `${buffer}[start + ${r * lanes}u + lane] = ${value(r)};`;
          return condition === undefined ? statement : `if (${condition}) { ${statement} }`;
        })
        .join('\n  '),
    node,
  };
}

/**
 * Inputs: rows, then weight and bias where there are any. Part 1 holds two numbers for each row that the gradient needs:
 * its mean (0 where it is not taken off), and the factor.
 */
export function normForward(context: KernelContext<NormAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const row = rowKernel(context, node.inputs[0] as GraphNode);
  const lanes = normLanes(row.width);
  const weight = attributes.weight ? wgsl.reader(1, lanes) : undefined;
  const bias = attributes.bias ? wgsl.reader(attributes.weight ? 2 : 1, lanes) : undefined;
  const statistics = wgsl.part(1);
  const scaled = (r: number): string => `c${r} * factor${weight ? ` * w${r}` : ''}${bias ? ` + b${r}` : ''}`;
  return {
    ...row.text,
    body: `  ${row.locate}
  ${row.load('x', wgsl.reader(0, lanes), 'start + ')}
  ${weight ? row.load('w', weight, '') : ''}
  ${bias ? row.load('b', bias, '') : ''}
  let mean = ${attributes.centre ? `${row.sum((r) => `x${r}`)} / ${wgslLiteral(row.width, 'f32')}` : '0.0'};
  ${row.each((r) => `let c${r} = ${row.kept(r, `x${r} - mean`)};`)}
  let factor = inverseSqrt(${row.sum((r) => `c${r} * c${r}`)} / ${wgslLiteral(row.width, 'f32')} + ${wgslLiteral(attributes.eps, 'f32')});
  ${row.store(wgsl.output, scaled)}
  ${statistics ? `if (lane == 0u) { ${statistics}[2u * row] = mean; ${statistics}[2u * row + 1u] = factor; }` : ''}`,
  };
}

/** Inputs: rows, upstream gradient, statistics `[rows, 2]`, and the weight if there is one. */
export function normBackward(context: KernelContext<NormAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const row = rowKernel(context, node.inputs[0] as GraphNode);
  const lanes = normLanes(row.width);
  const weight = attributes.weight ? wgsl.reader(3, lanes) : undefined;
  const statistics = wgsl.input(2);
  const count = wgslLiteral(row.width, 'f32');
  return {
    ...row.text,
    body: `  ${row.locate}
  ${row.load('x', wgsl.reader(0, lanes), 'start + ')}
  ${row.load('u', wgsl.reader(1, lanes), 'start + ')}
  ${weight ? row.load('w', weight, '') : ''}
  let mean = ${statistics}[2u * row];
  let factor = ${statistics}[2u * row + 1u];
  ${row.each((r) => `let g${r} = u${r}${weight ? ` * w${r}` : ''}; let n${r} = ${row.kept(r, `(x${r} - mean) * factor`)};`)}
  let average = ${attributes.centre ? `${row.sum((r) => `g${r}`)} / ${count}` : '0.0'};
  let along = ${row.sum((r) => `g${r} * n${r}`)} / ${count};
  ${row.store(wgsl.output, (r) => `(g${r} - average - n${r} * along) * factor`)}`,
  };
}
