import type { KernelContext, KernelText, Target } from '../compile/kernel.js';
import { loopEnd, repeat } from '../compile/loops.js';
import { wgslLiteral } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import { acrossLanes, laneCount, range, rowGroups, sumOfBoth } from './lanes.js';

/** What a norm does before scale and shift: `(x - mean) / sqrt(variance + eps)`, or without the mean. */
export interface NormAttributes {
  readonly eps: number;
  /** Whether the mean is taken off first: a layer norm, and not a root-mean-square norm. */
  readonly centre: boolean;
  readonly weight: boolean;
  readonly bias: boolean;
}

/** Registers of one invocation that hold its share of a row. */
const MOST_REGISTERS = 16;

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
function rowKernel({ target, wgsl }: KernelContext<NormAttributes>, source: GraphNode) {
  const width = source.shape.at(-1) as number;
  const rows = source.size / width;
  const units = isWide(width) ? width / 4 : width;
  const lanes = laneCount(target);
  const registers = range(registersFor(target, width));
  const { across, workgroups } = rowGroups(rows);
  const zero = isWide(width) ? 'vec4<f32>()' : '0.0';
  const flat = (value: string): string => (isWide(width) ? `dot(${value}, vec4<f32>(1.0))` : value);
  /** Whether register `r` holds something: the last ones of a row may not. */
  const inside = (r: string): string | undefined =>
    registers.length * lanes === units ? undefined : `${r} * ${lanes}u + lane < ${units}u`;
  /** Moves what is behind the first register to the one before. */
  const moveUp = (name: string): string =>
    registers
      .slice(1)
      .map((r) => `${name}${r - 1} = ${name}${r};`)
      .join(' ');
  /** What is written once for each register runs in a loop that moves the registers on: side by side it is slow to compile. */
  const inTurns = (body: string): string =>
    registers.length === 1
      ? `{ let turn = 0u; ${body} }`
      : repeat('turn', { end: loopEnd(registers.length) }, body);
  /** Loads what the lane holds of some rows, each from where it starts, into `name0`, `name1`, ... */
  const load = (
    rowsOf: readonly { name: string; read: (place: string) => string; start: string }[],
  ): string => {
    const declared = rowsOf.map(({ name }) => registers.map((r) => `var ${name}${r} = ${zero};`).join(' '));
    const last = registers.length - 1;
    const condition = inside('turn');
    const loads = rowsOf.map(({ name, read, start }) => {
      const place = `turn * ${lanes}u + lane`;
      const loaded =
        condition === undefined
          ? read(`${start}${place}`)
          : `select(${zero}, ${read(`${start}min(${place}, ${units - 1}u)`)}, ${condition})`;
      return `let ${name}Next = ${loaded}; ${moveUp(name)} ${name}${last} = ${name}Next;`;
    });
    return [...declared, inTurns(loads.join('\n  '))].join('\n  ');
  };
  return {
    text: {
      workgroupSize: [lanes, 1, 1] as const,
      workgroups,
      parameters: [rows, across],
      ...acrossLanes(target, { row_sum: sumOfBoth }),
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
      const condition = inside(`${r}u`);
      return condition === undefined ? value : `select(${zero}, ${value}, ${condition})`;
    },
    /** Stores the row whose first register is `value`; the registers that it is made of move on. */
    store: (value: string, names: readonly string[]): string => {
      const condition = inside('turn');
      const statement = wgsl.store(`start + turn * ${lanes}u + lane`, value);
      const guarded = condition === undefined ? statement : `if (${condition}) { ${statement} }`;
      return inTurns([guarded, ...names.map(moveUp)].join('\n  '));
    },
  };
}

/**
 * Inputs: rows, then weight and bias where there are any. Parts 1 and 2 hold what the gradient needs of each row: its
 * mean (0 where it is not taken off), and the factor.
 */
export function normForward(context: KernelContext<NormAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const { text, locate, width, load, each, sum, kept, store } = rowKernel(
    context,
    node.inputs[0] as GraphNode,
  );
  const lanes = normLanes(width);
  const parameters = [
    ...(attributes.weight ? [{ name: 'w', read: wgsl.reader(1, lanes), start: '' }] : []),
    ...(attributes.bias
      ? [{ name: 'b', read: wgsl.reader(attributes.weight ? 2 : 1, lanes), start: '' }]
      : []),
  ];
  const [means, factors] = [wgsl.part(1), wgsl.part(2)];
  const count = wgslLiteral(width, 'f32');
  const scaled = `c0 * factor${attributes.weight ? ' * w0' : ''}${attributes.bias ? ' + b0' : ''}`;
  return {
    ...text,
    body: `  ${locate}
  ${load([{ name: 'x', read: wgsl.reader(0, lanes), start: 'start + ' }, ...parameters])}
  let mean = ${attributes.centre ? `${sum((r) => `x${r}`)} / ${count}` : '0.0'};
  ${each((r) => `var c${r} = ${kept(r, `x${r} - mean`)};`)}
  let factor = inverseSqrt(${sum((r) => `c${r} * c${r}`)} / ${count} + ${wgslLiteral(attributes.eps, 'f32')});
  ${store(scaled, ['c', ...parameters.map(({ name }) => name)])}
  ${means ? `if (lane == 0u) { ${means}[row] = mean; }` : ''}
  ${factors ? `if (lane == 0u) { ${factors}[row] = factor; }` : ''}`,
  };
}

/** Inputs: rows, upstream gradient, mean and factor of each row, and the weight if there is one. */
export function normBackward(context: KernelContext<NormAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const { text, locate, width, load, each, sum, kept, store } = rowKernel(
    context,
    node.inputs[0] as GraphNode,
  );
  const lanes = normLanes(width);
  const [means, factors] = [wgsl.input(2), wgsl.input(3)];
  const count = wgslLiteral(width, 'f32');
  const rows = [
    { name: 'x', read: wgsl.reader(0, lanes), start: 'start + ' },
    { name: 'u', read: wgsl.reader(1, lanes), start: 'start + ' },
    ...(attributes.weight ? [{ name: 'w', read: wgsl.reader(4, lanes), start: '' }] : []),
  ];
  return {
    ...text,
    body: `  ${locate}
  ${load(rows)}
  let mean = ${means}[row];
  let factor = ${factors}[row];
  ${each((r) => `var g${r} = u${r}${attributes.weight ? ` * w${r}` : ''}; var n${r} = ${kept(r, `(x${r} - mean) * factor`)};`)}
  let average = ${attributes.centre ? `${sum((r) => `g${r}`)} / ${count}` : '0.0'};
  let along = ${sum((r) => `g${r} * n${r}`)} / ${count};
  ${store('(g0 - average - n0 * along) * factor', ['g', 'n'])}`,
  };
}
