import type { KernelContext, Target } from '../../compile/kernel.js';
import { repeat } from '../../compile/loops.js';
import { isOneSubgroup, laneCount, range } from '../lanes.js';
import { eachVector, isAligned, type Read, vectorsOf } from './problem.js';

/** Queries (and keys) of a square of pairs that is skipped where none of its pairs is visible. */
export const blockSize = ({ software }: Target): number => (software ? 16 : 64);
/** WGSL extensions, and what it must not complain about: control flow is uniform by the values that steer it. */
export const attentionDirectives = (target: Target): string[] =>
  isOneSubgroup(target) ? ['enable subgroups', 'diagnostic(off, subgroup_uniformity)'] : [];

/** Declares the row at `start` with a load for each of its vectors: an address for all lanes. */
export function loadWhole(name: string, read: Read, start: string, width: number): string {
  return eachVector(width, (at) => {
    if (isAligned(width)) return `let ${name}${at} = ${read(`${start} + ${at}u`)};`;
    const parts = range(4).map((part) =>
      4 * at + part < width ? read(`${start} + ${4 * at + part}u`) : '0.0',
    );
    return `let ${name}${at} = vec4<f32>(${parts.join(', ')});`;
  });
}

/**
 * Loads rows that all lanes need, each declared as `name0`, `name1`, ... . On the CPU a load of one address for all
 * lanes costs as much as one load of as many addresses, and its tests and branches make compilers slow.
 */
export function loadForAll(
  target: Target,
  width: number,
  rows: readonly { readonly name: string; readonly read: Read; readonly start: string }[],
): string {
  if (!isOneSubgroup(target))
    return rows.map(({ name, read, start }) => loadWhole(name, read, start, width)).join('\n  ');
  const lanes = laneCount(target);
  const units = isAligned(width) ? vectorsOf(width) : width;
  const loads = rows.flatMap(({ name, read, start }) =>
    range(Math.ceil(units / lanes)).map(
      (part) => `let ${name}Lane${part} = ${read(`${start} + min(${part * lanes}u + lane, ${units - 1}u)`)};`,
    ),
  );
  const handed = (name: string, unit: number): string =>
    `subgroupShuffle(${name}Lane${Math.floor(unit / lanes)}, ${unit % lanes}u)`;
  const vector = (name: string, at: number): string => {
    if (isAligned(width)) return handed(name, at);
    const parts = range(4).map((part) => (4 * at + part < width ? handed(name, 4 * at + part) : '0.0'));
    return `vec4<f32>(${parts.join(', ')})`;
  };
  const shared = rows.map(({ name }) => eachVector(width, (at) => `let ${name}${at} = ${vector(name, at)};`));
  return [...loads, ...shared].join('\n  ');
}

/** Which rows a workgroup computes: declares `tile` (its number), `entry`, `head`, and row `row0`, `row1`, ... of this lane. */
export function locateRows(
  target: Target,
  { rows, count, heads }: { rows: number; count: string; heads: string },
): string {
  const lanes = laneCount(target);
  return `let tile = group.x / ${heads};
  let head = group.x % ${heads};
  let entry = group.y;
  ${range(rows)
    .map((r) => `let row${r} = tile * ${rows * lanes}u + ${r * lanes}u + lane;`)
    .join('\n  ')}
  ${range(rows)
    .map((r) => `let safe${r} = min(row${r}, ${count} - 1u);`)
    .join('\n  ')}`;
}

/** What masks a kernel: the element of its inputs that holds the states of blocks, and the mask. */
export interface MaskInputs {
  readonly blocks: number;
  readonly mask: number;
}

/**
 * A loop over the places `at` below `count` with the pairs that each row makes with them. `dims` are the axes of the
 * mask for a row, `block` is the state of the block that begins at `first`; `body` gets the names of the rows' visibility.
 */
export function overPairs<Attributes>(
  { wgsl, node, target }: KernelContext<Attributes>,
  inputs: MaskInputs,
  {
    rows,
    count,
    dims,
    block,
  }: { rows: number; count: string; dims: (row: number) => readonly string[]; block: string },
  body: (visible: (row: number) => string) => string,
): string {
  if (node.inputs[inputs.mask] === undefined)
    return repeat(
      'at',
      { end: count },
      body(() => 'true'),
    );
  const size = blockSize(target);
  const { before, inside } = wgsl.elementsInLoop(inputs.mask, range(rows).map(dims), 'at', (values) =>
    body((row) => values[row] as string),
  );
  const pairs = repeat('at', { start: 'first', end: `min(first + ${size}u, ${count})` }, inside);
  return `${before}
  ${repeat('first', { end: count, step: size }, `if (${wgsl.input(inputs.blocks)}[${block}] != 0u) {\n${pairs}\n}`)}`;
}
