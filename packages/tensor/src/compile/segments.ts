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
  /** Whether a binding is read and written at the place of the element or vector that is computed, and nowhere else. */
  readonly ownPlace: readonly boolean[];
  /** Vectors or elements that an invocation computes, one after the other: as many, or at least as many as the first. */
  readonly rounds: readonly [least: number, most: number];
}

/** The part of a segment that one workgroup computes. */
export interface SegmentRow {
  readonly count: number;
  readonly elements: number;
  /** Where the part begins in the segment. */
  readonly first: number;
  /** Where the results of the workgroup begin. */
  readonly results: number;
  /** Where the segment begins in each binding, in what the binding holds; below 0 where that holds a later part only. */
  readonly starts: readonly number[];
}

const WORKGROUP = 64;
/** The most workgroups along one axis that every adapter takes. */
export const MAX_WORKGROUPS = 65535;
/** Where the code of a segmented kernel will say which part of which segment its workgroup computes. */
const LOCATE = '  // Which part of which tensor is it?';

/** All nodes of some segments, each once. */
export const nodesOf = (segments: readonly Segment[]): readonly GraphNode[] => [
  ...new Set(segments.flatMap(({ bindings }) => bindings)),
];

/** The WGSL name of where a segment starts in a binding. */
export const segmentStart = (binding: number): string => `start${binding}`;

/**
 * The text of a segmented kernel. `body` is the code for one element or vector, at `place` in its segment; around it are in
 * scope `start0`, `start1`, ..., `elements` of the segment, and `results`, the place of the results of this workgroup.
 */
export function segmentedText(text: {
  readonly before?: string;
  readonly body: string;
  readonly after?: string;
}): KernelText {
  const { before = '', body, after = '' } = text;
  return {
    workgroupSize: [WORKGROUP, 1, 1],
    // Known to the plan.
    workgroups: [0, 1, 1],
    body: `${LOCATE}
${before}
${repeat(
  'round',
  { end: `min(sizes[0].z, (count - first + ${WORKGROUP - 1}u) / ${WORKGROUP}u)` },
  `let place = first + round * ${WORKGROUP}u + lane;
if (place < count) {
${body}
}`,
)}
${after}`,
  };
}

/** Elements or vectors that a workgroup computes. */
export const perWorkgroup = (rounds: number): number => rounds * WORKGROUP;

/** The parts of segments that workgroups compute, each with its segment; `results` is where those of a workgroup begin. */
export function partsOf(
  segments: readonly Segment[],
  rounds: number,
): readonly { readonly segment: Segment; readonly first: number; readonly results: number }[] {
  const each = perWorkgroup(rounds);
  return segments.flatMap((segment) =>
    Array.from({ length: Math.ceil(segment.count / each) }, (_, part) => ({
      segment,
      first: part * each,
      results: segment.place + part * WORKGROUP,
    })),
  );
}

/** Numbers of a row that the code of a kernel uses; equal columns are one. */
interface Column {
  readonly names: readonly string[];
  readonly values: readonly number[];
}

function columnsOf(code: string, rows: readonly SegmentRow[]): readonly Column[] {
  const bindings = rows[0]?.starts.length ?? 0;
  const all: Column[] = [
    { names: ['first'], values: rows.map(({ first }) => first) },
    { names: ['count'], values: rows.map(({ count }) => count) },
    { names: ['elements'], values: rows.map(({ elements }) => elements) },
    { names: ['results'], values: rows.map(({ results }) => results) },
    ...Array.from({ length: bindings }, (_, binding) => ({
      names: [segmentStart(binding)],
      values: rows.map(({ starts }) => starts[binding] as number),
    })),
  ];
  const columns = new Map<string, Column>();
  for (const { names, values } of all) {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
    if (used.length === 0) continue;
    const key = values.join();
    columns.set(key, { names: [...(columns.get(key)?.names ?? []), ...used], values });
  }
  return [...columns.values()];
}

/** Rows for which there is room in a uniform binding of `bytes`, in the worst case. */
export const mostRows = (bindings: number, bytes: number): number =>
  Math.max(1, Math.floor((bytes / 16 - 1) / Math.ceil((4 + bindings) / 4)));

/** A dispatch of these parts of segments: its code, its numbers, and how many workgroups it takes. */
export function locateParts(
  code: string,
  rows: readonly SegmentRow[],
  rounds: number,
): {
  readonly code: string;
  readonly parameters: readonly number[];
  readonly workgroups: readonly [number, number, number];
} {
  const columns = columnsOf(code, rows);
  const constant = columns.filter(({ values }) => values.every((value) => value === 0));
  const varying = columns.filter((column) => !constant.includes(column));
  const stride = Math.ceil(varying.length / 4);
  const across = Math.min(rows.length, MAX_WORKGROUPS);
  const declare = (names: readonly string[], value: string): string[] =>
    names.map((name, at) => `  let ${name} = ${at === 0 ? value : names[0]};`);
  const locate = [
    '  let workgroup = group.y * sizes[0].y + group.x;',
    '  if (workgroup >= sizes[0].x) { return; }',
    ...Array.from(
      { length: stride },
      (_, part) => `  let row${part} = sizes[1u + workgroup * ${stride}u + ${part}u];`,
    ),
    ...constant.flatMap(({ names }) => declare(names, '0u')),
    ...varying.flatMap(({ names }, at) => declare(names, `row${Math.floor(at / 4)}[${at % 4}]`)),
  ];
  const table = rows.flatMap((_, row) =>
    Array.from({ length: 4 * stride }, (_, at) => (varying[at]?.values[row] ?? 0) >>> 0),
  );
  return {
    code: code.replace(LOCATE, locate.join('\n')),
    parameters: [rows.length, across, rounds, 0, ...table],
    workgroups: [across, Math.ceil(rows.length / Math.max(across, 1)), 1],
  };
}
