import type { HostArray } from '../dtype.js';
import { IndexError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import type { Tensor } from '../tensor.js';

/** The integers that an operation takes. */
export interface IndexRange {
  /** The operation, and what it calls them: `gather: index`. */
  readonly name: string;
  /** From 0 to one less than this. */
  readonly size: number;
  /** One more that is taken, and what it is called. */
  readonly also?: { readonly value: number; readonly name: string };
}

/** @throws IndexError for the first integer that is out of range */
export function checkRange(values: HostArray, { name, size, also }: IndexRange, where = ''): void {
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if ((value >= 0 && value < size) || value === also?.value) continue;
    const extra = also === undefined ? '' : `, or ${also.value} (${also.name})`;
    const range = size === 0 ? 'there is nothing to choose from' : `expected 0 to ${size - 1}${extra}`;
    throw new IndexError(`${where}${name} ${value} at place ${at} is out of range: ${range}.`);
  }
}

/** Operations whose result has the same numbers as their input. */
const KEEP = new Set(['reshape', 'permute', 'expand', 'detach']);

/**
 * Checks integers that the host knows: now where they are there, or in a compiled step each time its input is given. Others
 * are on the GPU only, and each operation says what it does with those that are out of range.
 */
export function checkIndices(index: Tensor, range: IndexRange): void {
  let node: GraphNode | undefined = index.node;
  while (node !== undefined && node.source === undefined && KEEP.has(node.operation.name))
    node = node.inputs[0];
  const source = node?.source;
  if (source?.kind === 'host') checkRange(source.values, range);
  if (source?.kind === 'input') index.device.journal?.ranges.push({ input: source.name, range });
}
