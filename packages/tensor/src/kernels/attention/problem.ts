import { loopEnd, repeat } from '../../compile/loops.js';
import { wgslLiteral } from '../../dtype.js';
import { range } from '../lanes.js';

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
  /** Scores become `softCap * tanh(score / softCap)`; not capped when absent. */
  readonly softCap?: number | undefined;
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

/** Vectors of four that hold one row. */
export const vectorsOf = (width: number): number => Math.ceil(width / 4);
export const isAligned = (width: number): boolean => width % 4 === 0;
/** Elements that buffers of rows hold together: vectors, where rows begin and end at their borders. */
export const rowLanes = (width: number): 1 | 4 => (isAligned(width) ? 4 : 1);

/** Loads what lies at a place in a buffer. */
export type Read = (place: string) => string;

/** The numbers of a view as parameters, in elements of the buffer. */
export const viewParameters = (view: HeadsView, width: number): number[] =>
  [view.offset, view.batch, view.head, view.time].map((value) => (isAligned(width) ? value / 4 : value));

/** Where the rows of a head begin: the view is element `parameter` of `sizes`. */
export const viewStart = (parameter: number, entry: string, head: string): string =>
  `sizes[${parameter}].x + ${entry} * sizes[${parameter}].y + ${head} * sizes[${parameter}].z`;
export const viewTime = (parameter: number): string => `sizes[${parameter}].w`;

/** Moves `name1` to `name0`, `name2` to `name1` and so on. */
const moveUp = (name: string, width: number): string =>
  range(vectorsOf(width) - 1)
    .map((at) => `${name}${at} = ${name}${at + 1};`)
    .join(' ');

/**
 * Declares `name0`, `name1`, ... with the row at `start`, padded by zeros to whole vectors, times `factor`. One load in a
 * loop that moves the vectors on: a load of its own for each is slow to compile.
 */
export function loadRow(name: string, read: Read, start: string, width: number, factor = ''): string {
  const vectors = vectorsOf(width);
  const element = (part: number): string => {
    const column = `4u * turn + ${part}u`;
    return `select(0.0, ${read(`${start} + min(${column}, ${width - 1}u)`)}, ${column} < ${width}u)`;
  };
  const next = isAligned(width) ? read(`${start} + turn`) : `vec4<f32>(${range(4).map(element).join(', ')})`;
  return `${eachVector(width, (at) => `var ${name}${at} = vec4<f32>();`)}
  ${repeat('turn', { end: loopEnd(vectors) }, `let next = ${factor}${next}; ${moveUp(name, width)} ${name}${vectors - 1} = next;`)}`;
}

/** Stores `name0`, `name1`, ... times `factor` as the row at `start`; the variables are used up. */
export function storeRow(
  name: string,
  write: (place: string, value: string) => string,
  start: string,
  width: number,
  factor: string,
): string {
  const store = isAligned(width)
    ? write(`${start} + turn`, `${name}0 * ${factor}`)
    : range(4)
        .map((part) => {
          const column = `4u * turn + ${part}u`;
          return `if (${column} < ${width}u) { ${write(`${start} + ${column}`, `${name}0[${part}] * ${factor}`)} }`;
        })
        .join(' ');
  return repeat('turn', { end: loopEnd(vectorsOf(width)) }, `${store} ${moveUp(name, width)}`);
}

export const dot = (width: number, a: string, b: string): string =>
  range(vectorsOf(width))
    .map((at) => `dot(${a}${at}, ${b}${at})`)
    .join(' + ');

/** What products of queries and keys are multiplied by: `scale`, and where scores are capped also `1 / softCap`. */
export const productFactor = ({ scale, softCap = 1 }: AttentionProblem): string =>
  wgslLiteral(scale / softCap, 'f32');

/** The score of a product that `productFactor` is in. */
export const scoreOf = ({ softCap }: AttentionProblem, product: string): string =>
  softCap === undefined ? product : `${wgslLiteral(softCap, 'f32')} * safe_tanh(${product})`;

export const eachVector = (width: number, text: (at: number) => string): string =>
  range(vectorsOf(width)).map(text).join(' ');
