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

/**
 * Lays intervals out so that those in use at one time do not overlap in space. Largest first, each at the lowest
 * free place: the greedy-by-size rule of arXiv 2001.03288, within a few per cent of the optimum on real networks.
 */
export function layOut(intervals: readonly Interval[], alignment: number, maxChunkBytes: number): Layout {
  const slots = new Array<Slot>(intervals.length);
  const chunks: { placed: { interval: Interval; offset: number }[]; bytes: number }[] = [];
  const bySize = intervals
    .map((_, at) => at)
    .sort((a, b) => (intervals[b] as Interval).bytes - (intervals[a] as Interval).bytes);
  for (const at of bySize) {
    const interval = intervals[at] as Interval;
    const bytes = Math.ceil(Math.max(interval.bytes, alignment) / alignment) * alignment;
    for (let chunk = 0; slots[at] === undefined; chunk++) {
      chunks[chunk] ??= { placed: [], bytes: 0 };
      const { placed } = chunks[chunk] as (typeof chunks)[number];
      let offset = 0;
      for (const other of placed) {
        if (!overlaps(interval, other.interval)) continue;
        if (offset + bytes <= other.offset) break;
        const end =
          other.offset + Math.ceil(Math.max(other.interval.bytes, alignment) / alignment) * alignment;
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
