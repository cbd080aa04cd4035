/** Where the rows of heads lie in a buffer, in elements: that of `(entry, head, place)`, whose `width` elements are adjacent. */
export interface HeadsView {
  readonly offset: number;
  readonly batch: number;
  readonly head: number;
  readonly time: number;
}

/** What attention computes, and where its inputs lie. */
export interface AttentionProblem {
  readonly batch: number;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  /** Of one head. */
  readonly width: number;
  /** Factor of the scores. */
  readonly scale: number;
  readonly query: HeadsView;
  readonly key: HeadsView;
  readonly value: HeadsView;
}

/** A problem and where the gradients go, all in one buffer. */
export interface AttentionGradientProblem extends AttentionProblem {
  readonly shape: readonly number[];
  readonly towardsQuery: HeadsView;
  readonly towardsKey: HeadsView;
  readonly towardsValue: HeadsView;
}

/** Heads that lie one behind the other: `[batch, heads, time, width]`. */
export const headsFirst = (heads: number, time: number, width: number, offset = 0): HeadsView => ({
  offset,
  batch: heads * time * width,
  head: time * width,
  time: width,
});

/** Heads that lie side by side in rows of `rowWidth` elements, from head number `first` on: `[batch, time, rowWidth]`. */
export const headsInRows = (first: number, time: number, width: number, rowWidth: number): HeadsView => ({
  offset: first * width,
  batch: time * rowWidth,
  head: width,
  time: rowWidth,
});

export const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Vectors of four that hold one row. */
export const vectorsOf = (width: number): number => Math.ceil(width / 4);
export const isAligned = (width: number): boolean => width % 4 === 0;
/** Element type of buffers of rows: vectors, where rows begin and end at their borders. */
export const rowType = (width: number): string => (isAligned(width) ? 'vec4<f32>' : 'f32');

/** The numbers of a view as parameters, in elements of the buffer. */
export const viewParameters = (view: HeadsView, width: number): number[] =>
  [view.offset, view.batch, view.head, view.time].map((value) => (isAligned(width) ? value / 4 : value));

/** Where the rows of a head begin: the view is element `parameter` of `sizes`. */
export const viewStart = (parameter: number, entry: string, head: string): string =>
  `sizes[${parameter}].x + ${entry} * sizes[${parameter}].y + ${head} * sizes[${parameter}].z`;
export const viewTime = (parameter: number): string => `sizes[${parameter}].w`;

/** Declares `name0`, `name1`, ... with the row at `start`, padded by zeros to whole vectors, times `factor`. */
export function loadRow(name: string, buffer: string, start: string, width: number, factor = ''): string {
  return range(vectorsOf(width))
    .map((at) => {
      if (isAligned(width)) return `let ${name}${at} = ${factor}${buffer}[${start} + ${at}u];`;
      const parts = range(4).map((part) => {
        const column = 4 * at + part;
        return column < width ? `${buffer}[${start} + ${column}u]` : '0.0';
      });
      return `let ${name}${at} = ${factor}vec4<f32>(${parts.join(', ')});`;
    })
    .join(' ');
}

/** Stores `name0`, `name1`, ... times `factor` as the row at `start`. */
export function storeRow(name: string, buffer: string, start: string, width: number, factor: string): string {
  return range(vectorsOf(width))
    .map((at) => {
      if (isAligned(width)) return `${buffer}[${start} + ${at}u] = ${name}${at} * ${factor};`;
      return range(Math.min(4, width - 4 * at))
        .map((part) => `${buffer}[${start} + ${4 * at + part}u] = ${name}${at}[${part}] * ${factor};`)
        .join(' ');
    })
    .join(' ');
}

export const dot = (width: number, a: string, b: string): string =>
  range(vectorsOf(width))
    .map((at) => `dot(${a}${at}, ${b}${at})`)
    .join(' + ');

export const eachVector = (width: number, text: (at: number) => string): string =>
  range(vectorsOf(width)).map(text).join(' ');
