import type { GraphNode } from '../graph.js';
import type { KernelText } from './kernel.js';
import { repeat } from './loops.js';

/** One of the tensors that a kernel works through, or several of the same length that it reads and writes together. */
export interface Segment {
  /** What lies there, in elements or vectors: whatever the kernel counts. */
  readonly count: number;
  /** The same in elements. */
  readonly elements: number;
  /** Where its results begin, for kernels that put those of all segments side by side. */
  readonly place: number;
  /** The node of each binding. */
  readonly bindings: readonly GraphNode[];
}

/**
 * What is to know of a kernel that works through many tensors in one dispatch: its bindings are stretches of memory with
 * all of them inside. Which tensors can share a dispatch is known when the plan knows where they lie.
 */
export interface SegmentedForm {
  /** WGSL element type of each binding. */
  readonly elementTypes: readonly string[];
  /** Vectors or elements of a segment that one workgroup computes. */
  readonly perWorkgroup: number;
}

const WORKGROUP = 64;
/** The most workgroups along one axis that every adapter takes. */
export const MAX_WORKGROUPS = 65535;
/** What comes before the starts of the bindings, for each segment: its first workgroup, count, elements and place. */
const BEFORE_STARTS = 4;

/** All nodes of some segments, each once. */
export const nodesOf = (segments: readonly Segment[]): readonly GraphNode[] => [
  ...new Set(segments.flatMap(({ bindings }) => bindings)),
];

const vectorsOf = (values: number): number => Math.ceil(values / 4);

/** The WGSL name of where a segment starts in a binding. */
export const segmentStart = (binding: number): string => `start${binding}`;

/**
 * The text of a segmented kernel. `body` is the code for one element or vector, at `place` in its segment; around it are in
 * scope `start0`, `start1`, ..., `elements` of the segment, and `results`, the place of the results of this workgroup.
 *
 * @param rounds - elements or vectors that one invocation computes, one after the other
 */
export function segmentedText(
  bindings: number,
  rounds: number,
  {
    before = '',
    body,
    after = '',
  }: { readonly before?: string; readonly body: string; readonly after?: string },
): KernelText {
  const stride = vectorsOf(BEFORE_STARTS + bindings);
  const field = (at: number): string => `sizes[entry + ${Math.floor(at / 4)}u][${at % 4}]`;
  const starts = Array.from(
    { length: bindings },
    (_, binding) => `  let ${segmentStart(binding)} = ${field(BEFORE_STARTS + binding)};`,
  );
  return {
    workgroupSize: [WORKGROUP, 1, 1],
    // Both are known to the plan.
    workgroups: [0, 1, 1],
    body: `  let workgroup = group.y * sizes[0].y + group.x;
  if (workgroup >= sizes[0].z) { return; }
  var low = 0u;
  var high = sizes[0].x;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (sizes[1u + middle * ${stride}u].x <= workgroup) { low = middle; } else { high = middle; }
  }
  let entry = 1u + low * ${stride}u;
  let count = ${field(1)};
  let within = workgroup - ${field(0)};
  let first = within * ${rounds * WORKGROUP}u;
  let elements = ${field(2)};
  let results = ${field(3)} + within * ${WORKGROUP}u;
${starts.join('\n')}
${before}
${repeat(
  'round',
  { end: `min(${rounds}u, (count - first + ${WORKGROUP - 1}u) / ${WORKGROUP}u)` },
  `let place = first + round * ${WORKGROUP}u + lane;
if (place < count) {
${body}
}`,
)}
${after}`,
  };
}

/** Elements or vectors that a workgroup of `segmentedText` computes. */
export const perWorkgroup = (rounds: number): number => rounds * WORKGROUP;

/** A dispatch through some segments: its numbers, and how many workgroups they take. */
export function segmentParameters(
  segments: readonly (Omit<Segment, 'bindings'> & { readonly starts: readonly number[] })[],
  each: number,
): { parameters: readonly number[]; workgroups: readonly [number, number, number] } {
  let workgroups = 0;
  const table = segments.flatMap(({ count, elements, place, starts }) => {
    const entry = [workgroups, count, elements, place, ...starts];
    workgroups += Math.ceil(count / each);
    return [...entry, ...new Array<number>(4 * vectorsOf(entry.length) - entry.length).fill(0)];
  });
  const across = Math.min(workgroups, MAX_WORKGROUPS);
  return {
    parameters: [segments.length, across, workgroups, 0, ...table],
    workgroups: [across, Math.ceil(workgroups / Math.max(across, 1)), 1],
  };
}

/** Segments whose parameters fit into a uniform binding of `bytes`. */
export const mostSegments = (bindings: number, bytes: number): number =>
  Math.max(1, Math.floor((bytes / 16 - 1) / vectorsOf(BEFORE_STARTS + bindings)));
