import { alignUp } from '../runtime/storage.js';

/** A stretch of working memory, and the kernels (by position) between which it is in use. */
export interface Interval {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Slot {
  /** Which of the plan's buffers. */
  readonly chunk: number;
  readonly offset: number;
}

export interface Layout {
  readonly slots: readonly Slot[];
  /** Size of each buffer. */
  readonly chunkBytes: readonly number[];
}

const overlaps = (a: Interval, b: Interval): boolean => a.first <= b.last && b.first <= a.last;

/** The most bytes that are in use at one time: no layout takes less. */
export function liveBytes(intervals: readonly Interval[]): number {
  const change = new Map<number, number>();
  const add = (place: number, bytes: number): void =>
    void change.set(place, (change.get(place) ?? 0) + bytes);
  for (const { bytes, first, last } of intervals) {
    add(first, bytes);
    add(last + 1, -bytes);
  }
  let live = 0;
  let most = 0;
  for (const [, bytes] of [...change].sort(([a], [b]) => a - b)) {
    live += bytes;
    most = Math.max(most, live);
  }
  return most;
}

/** Orders in which intervals can be placed: the most bytes, the most bytes times kernels, the longest in use first. */
const ORDERS: readonly ((interval: Interval) => number)[] = [
  ({ bytes }) => bytes,
  ({ bytes, first, last }) => bytes * (last - first + 1),
  ({ first, last }) => last - first,
];

/** As little as a vector of four: scalars, and what is hardly more. */
const SMALL = 16;

/**
 * Lays intervals out as `layOutAll` does, but the small ones in a buffer of their own: a kernel that works through many
 * tensors binds all memory between them as vectors, so nothing else that it reads may lie there.
 */
export function layOut(intervals: readonly Interval[], alignment: number, maxChunkBytes: number): Layout {
  const slots = new Array<Slot>(intervals.length);
  const chunkBytes: number[] = [];
  for (const small of [false, true]) {
    const members = intervals.flatMap(({ bytes }, at) => (bytes <= SMALL === small ? [at] : []));
    const layout = layOutAll(
      members.map((at) => intervals[at] as Interval),
      alignment,
      maxChunkBytes,
    );
    layout.slots.forEach(({ chunk, offset }, at) => {
      slots[members[at] as number] = { chunk: chunk + chunkBytes.length, offset };
    });
    chunkBytes.push(...layout.chunkBytes);
  }
  return { slots, chunkBytes };
}

/**
 * Lays intervals out so that those in use at one time do not overlap in space. In each of several orders, every interval
 * goes to the lowest free place; the smallest layout is taken. With the largest first this is the greedy-by-size rule
 * of arXiv 2001.03288.
 */
function layOutAll(intervals: readonly Interval[], alignment: number, maxChunkBytes: number): Layout {
  const layouts = ORDERS.map((weight) => {
    const order = intervals
      .map((_, at) => at)
      .sort((a, b) => weight(intervals[b] as Interval) - weight(intervals[a] as Interval));
    return layOutInOrder(intervals, order, alignment, maxChunkBytes);
  });
  return layouts.reduce((least, layout) => (totalBytes(layout) < totalBytes(least) ? layout : least));
}

const totalBytes = ({ chunkBytes }: Layout): number => chunkBytes.reduce((sum, bytes) => sum + bytes, 0);

function layOutInOrder(
  intervals: readonly Interval[],
  order: readonly number[],
  alignment: number,
  maxChunkBytes: number,
): Layout {
  const slots = new Array<Slot>(intervals.length);
  const chunks: { placed: { interval: Interval; offset: number }[]; bytes: number }[] = [];
  for (const at of order) {
    const interval = intervals[at] as Interval;
    const bytes = alignUp(Math.max(interval.bytes, 1), alignment);
    for (let chunk = 0; slots[at] === undefined; chunk++) {
      chunks[chunk] ??= { placed: [], bytes: 0 };
      const { placed } = chunks[chunk] as (typeof chunks)[number];
      let offset = 0;
      for (const other of placed) {
        if (!overlaps(interval, other.interval)) continue;
        if (offset + bytes <= other.offset) break;
        const end = other.offset + alignUp(Math.max(other.interval.bytes, 1), alignment);
        offset = Math.max(offset, end);
      }
      if (offset > 0 && offset + bytes > maxChunkBytes) continue;
      placed.push({ interval, offset });
      placed.sort((a, b) => a.offset - b.offset);
      (chunks[chunk] as (typeof chunks)[number]).bytes = Math.max(chunks[chunk]?.bytes ?? 0, offset + bytes);
      slots[at] = { chunk, offset };
    }
  }
  return { slots, chunkBytes: chunks.map(({ bytes }) => bytes) };
}
