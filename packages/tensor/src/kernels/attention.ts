import { loopEnd } from '../compile/emitter.js';
import type { KernelContext, KernelText } from '../compile/kernel.js';
import { LOWEST_F32, wgslLiteral } from '../dtype.js';
import type { GraphNode } from '../graph.js';

export interface AttentionAttributes {
  readonly scale: number;
  /** Which input is the mask, if any. */
  readonly mask: number | undefined;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Axes of an attention problem; `width` is that of one head. */
export interface AttentionSizes {
  readonly batch: number;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  /** Vectors of four that hold one head's width. */
  readonly vectors: number;
}

export function attentionSizes(query: readonly number[], key: readonly number[]): AttentionSizes {
  const [batch, queryHeads, queries, width] = query as [number, number, number, number];
  const [, keyHeads, keys] = key as [number, number, number];
  return { batch, queryHeads, keyHeads, queries, keys, width, vectors: Math.ceil(width / 4) };
}

/** Rows of `width` floats in a buffer, read as vectors of four, padded by zeros. */
class Rows {
  constructor(
    readonly buffer: string,
    readonly width: number,
  ) {}
  static of({ wgsl }: KernelContext<AttentionAttributes>, input: number, width: number): Rows {
    return new Rows(wgsl.input(input, width % 4 === 0 ? 'vec4<f32>' : 'f32'), width);
  }
  /** Declares `name0`, `name1`, ... with the row. */
  load(name: string, row: string): string {
    return range(Math.ceil(this.width / 4))
      .map((at) => {
        if (this.width % 4 === 0)
          return `let ${name}${at} = ${this.buffer}[(${row}) * ${this.width / 4}u + ${at}u];`;
        const parts = range(4).map((part) => {
          const column = 4 * at + part;
          return column < this.width ? `${this.buffer}[(${row}) * ${this.width}u + ${column}u]` : '0.0';
        });
        return `let ${name}${at} = vec4<f32>(${parts.join(', ')});`;
      })
      .join(' ');
  }
}

const dot = (vectors: number, a: string, b: string): string =>
  range(vectors)
    .map((at) => `dot(${a}${at}, ${b}${at})`)
    .join(' + ');
const each = (vectors: number, text: (at: number) => string): string => range(vectors).map(text).join(' ');

/** Lanes lie along the rows of one head, so that on the CPU all of them load the same key at once. */
function overRows(
  { target }: KernelContext<AttentionAttributes>,
  rows: number,
  heads: number,
  batch: number,
  body: string,
): KernelText {
  const lanes = target.software ? 8 : 64;
  const across = Math.ceil(rows / lanes);
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: [across * heads, batch, 1],
    body: `  let row = (group.x % ${across}u) * ${lanes}u + lane;
  let head = group.x / ${across}u;
  let entry = group.y;
  if (row >= ${rows}u) { return; }
${body}`,
  };
}

/** The loop body wrapped so that it runs for visible pairs only. */
function whereVisible(
  { wgsl, attributes }: KernelContext<AttentionAttributes>,
  dims: readonly string[],
  loop: string,
  body: string,
): { before: string; inside: string } {
  if (attributes.mask === undefined) return { before: '', inside: body };
  return wgsl.elementInLoop(attributes.mask, dims, loop, (visible) => `if (${visible}) {\n${body}\n}`);
}

/**
 * Scaled dot-product attention in one pass over the keys, with the running softmax of arXiv 2112.05682 and
 * 2205.14135. The output holds, for each query row, the vectors of the result and one more whose first component
 * is the logarithm of the softmax denominator, which the gradient needs.
 */
export function attentionForward(context: KernelContext<AttentionAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const [query, key] = node.inputs as [GraphNode, GraphNode];
  const { batch, queryHeads, keyHeads, queries, keys, width, vectors } = attentionSizes(
    query.shape,
    key.shape,
  );
  const q = Rows.of(context, 0, width);
  const k = Rows.of(context, 1, width);
  const v = Rows.of(context, 2, width);
  const lowest = wgslLiteral(LOWEST_F32, 'f32');
  const loop = whereVisible(
    context,
    ['entry', 'head', 'row', 'at'],
    'at',
    `
    ${k.load('k', 'firstKey + at')} ${v.load('v', 'firstKey + at')}
    let score = ${wgslLiteral(attributes.scale, 'f32')} * (${dot(vectors, 'q', 'k')});
    let higher = max(highest, score);
    let shrink = exp(highest - higher);
    let weight = exp(score - higher);
    highest = higher;
    total = total * shrink + weight;
    ${each(vectors, (at) => `sum${at} = sum${at} * shrink + weight * v${at};`)}`,
  );
  return overRows(
    context,
    queries,
    queryHeads,
    batch,
    `
  let queryRow = (entry * ${queryHeads}u + head) * ${queries}u + row;
  let firstKey = (entry * ${keyHeads}u + head / ${queryHeads / keyHeads}u) * ${keys}u;
  ${q.load('q', 'queryRow')}
  ${each(vectors, (at) => `var sum${at} = vec4<f32>();`)}
  var highest = ${lowest};
  var total = 0.0;
${loop.before}
  for (var at = 0u; at < ${loopEnd(keys)}; at++) {
${loop.inside}
  }
  // A row that sees nothing gives zeros.
  let scale = select(0.0, 1.0 / total, total > 0.0);
  ${each(vectors, (at) => `${wgsl.output}[queryRow * ${vectors + 1}u + ${at}u] = sum${at} * scale;`)}
  ${wgsl.output}[queryRow * ${vectors + 1}u + ${vectors}u] = vec4<f32>(select(0.0, highest + log(total), total > 0.0));`,
  );
}

/** Inputs: query, key, value, gradient of the result, statistics `[..., 2]` (log denominator, delta), mask. */
export function attentionQueryGradient(context: KernelContext<AttentionAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const [query, key] = node.inputs as [GraphNode, GraphNode];
  const { batch, queryHeads, keyHeads, queries, keys, width, vectors } = attentionSizes(
    query.shape,
    key.shape,
  );
  const [q, k, v, upstream] = range(4).map((input) => Rows.of(context, input, width)) as [
    Rows,
    Rows,
    Rows,
    Rows,
  ];
  const statistics = wgsl.input(4);
  const scale = wgslLiteral(attributes.scale, 'f32');
  const loop = whereVisible(
    context,
    ['entry', 'head', 'row', 'at'],
    'at',
    `
    ${k.load('k', 'firstKey + at')} ${v.load('v', 'firstKey + at')}
    let weight = exp(${scale} * (${dot(vectors, 'q', 'k')}) - logTotal);
    let slope = ${scale} * weight * (${dot(vectors, 'u', 'v')} - delta);
    ${each(vectors, (at) => `sum${at} += slope * k${at};`)}`,
  );
  return overRows(
    context,
    queries,
    queryHeads,
    batch,
    `
  let queryRow = (entry * ${queryHeads}u + head) * ${queries}u + row;
  let firstKey = (entry * ${keyHeads}u + head / ${queryHeads / keyHeads}u) * ${keys}u;
  ${q.load('q', 'queryRow')} ${upstream.load('u', 'queryRow')}
  let logTotal = ${statistics}[queryRow * 2u];
  let delta = ${statistics}[queryRow * 2u + 1u];
  ${each(vectors, (at) => `var sum${at} = vec4<f32>();`)}
${loop.before}
  for (var at = 0u; at < ${loopEnd(keys)}; at++) {
${loop.inside}
  }
  ${each(vectors, (at) => `${wgsl.output}[queryRow * ${vectors}u + ${at}u] = sum${at};`)}`,
  );
}

/** Same inputs; the output holds for each key row the gradient of the key and then of the value. */
export function attentionKeyGradient(context: KernelContext<AttentionAttributes>): KernelText {
  const { node, attributes, wgsl } = context;
  const [query, key] = node.inputs as [GraphNode, GraphNode];
  const { batch, queryHeads, keyHeads, queries, keys, width, vectors } = attentionSizes(
    query.shape,
    key.shape,
  );
  const [q, k, v, upstream] = range(4).map((input) => Rows.of(context, input, width)) as [
    Rows,
    Rows,
    Rows,
    Rows,
  ];
  const statistics = wgsl.input(4);
  const scale = wgslLiteral(attributes.scale, 'f32');
  const perKey = queryHeads / keyHeads;
  const loop = whereVisible(
    context,
    ['entry', 'queryHead', 'at', 'row'],
    'at',
    `
    let queryRow = (entry * ${queryHeads}u + queryHead) * ${queries}u + at;
    ${q.load('q', 'queryRow')} ${upstream.load('u', 'queryRow')}
    let weight = exp(${scale} * (${dot(vectors, 'q', 'k')}) - ${statistics}[queryRow * 2u]);
    let slope = ${scale} * weight * (${dot(vectors, 'u', 'v')} - ${statistics}[queryRow * 2u + 1u]);
    ${each(vectors, (at) => `sumK${at} += slope * q${at}; sumV${at} += weight * u${at};`)}`,
  );
  return overRows(
    context,
    keys,
    keyHeads,
    batch,
    `
  let keyRow = (entry * ${keyHeads}u + head) * ${keys}u + row;
  ${k.load('k', 'keyRow')} ${v.load('v', 'keyRow')}
  ${each(vectors, (at) => `var sumK${at} = vec4<f32>(); var sumV${at} = vec4<f32>();`)}
  for (var share = 0u; share < ${perKey}u; share++) {
  let queryHead = head * ${perKey}u + share;
${loop.before}
  for (var at = 0u; at < ${loopEnd(queries)}; at++) {
${loop.inside}
  }
  }
  ${each(vectors, (at) => `${wgsl.output}[keyRow * ${2 * vectors}u + ${at}u] = sumK${at};`)}
  ${each(vectors, (at) => `${wgsl.output}[keyRow * ${2 * vectors}u + ${vectors + at}u] = sumV${at};`)}`,
  );
}
