import type { KernelBuilder, KernelContext } from '../../compile/kernel.js';
import { repeat } from '../../compile/loops.js';
import { wgslLiteral } from '../../dtype.js';
import { laneCount, range } from '../lanes.js';
import { blockStrides } from './blocks.js';
import {
  type AttentionGradientProblem,
  dot,
  eachVector,
  loadRow,
  productFactor,
  type Read,
  rowLanes,
  storeRow,
  vectorsOf,
  viewParameters,
  viewStart,
  viewTime,
} from './problem.js';
import { type AttentionKernel, chooseRows } from './rows.js';
import { attentionDirectives, blockSize, loadForAll, locateRows, overPairs } from './tiles.js';

/**
 * Inputs: query, key, value, upstream `[batch, queries, queryHeads, width]`, log of the softmax denominator and
 * delta (the sum of upstream times result), both `[batch, queries, queryHeads]`; states of blocks, mask.
 */
const LOG_TOTAL = 4;
const DELTA = 5;
const MASK = { blocks: 6, mask: 7 };

/** What both kernels share. */
function prepare(context: KernelContext<AttentionGradientProblem>, kernel: AttentionKernel) {
  const { node, attributes: problem, wgsl, target } = context;
  const { queryHeads, keyHeads, queries, keys, width, scale, softCap } = problem;
  const [query, key, value, upstream] = range(4).map((at) => wgsl.reader(at, rowLanes(width))) as [
    Read,
    Read,
    Read,
    Read,
  ];
  const [blockBatch, blockHead, blockQueries] = blockStrides(node.inputs[MASK.blocks]);
  const parameters = [
    ...[queries, keys, queryHeads, keyHeads],
    ...viewParameters(problem.query, width),
    ...viewParameters(problem.key, width),
    ...viewParameters(problem.value, width),
    ...[blockBatch, blockHead, blockQueries, 0],
    ...viewParameters(problem.towardsQuery, width),
    ...viewParameters(problem.towardsKey, width),
    ...viewParameters(problem.towardsValue, width),
  ];
  const rows = chooseRows(context, kernel, node.inputs[MASK.mask] !== undefined);
  return {
    ...{ query, key, value, upstream, logTotal: wgsl.input(LOG_TOTAL), delta: wgsl.input(DELTA) },
    ...{ rows, lanes: laneCount(target), block: blockSize(target), parameters },
    productFactor: productFactor(problem),
    gradientFactor: wgslLiteral(scale, 'f32'),
    units: width % 4 === 0 ? vectorsOf(width) : width,
    write: (place: string, result: string): string => wgsl.store(place, result),
    each: (text: (row: number) => string): string => range(rows).map(text).join('\n  '),
    upstreamRow: (place: string): string => `((entry * queries + ${place}) * queryHeads + queryHead)`,
    /** Declares the weight of a pair, and the slope of the loss along the product that its score is made of. */
    pair: (r: number, product: string, towardsWeight: string, visible: string, total: string): string => {
      const weight = (score: string): string =>
        `let weight${r} = select(0.0, exp(${score} - ${total}), ${visible});`;
      const slope = `weight${r} * (${towardsWeight})`;
      if (softCap === undefined) return `${weight(product)}\n  let slope${r} = ${slope};`;
      return `let bent${r} = safe_tanh(${product});
  ${weight(`${wgslLiteral(softCap, 'f32')} * bent${r}`)}
  let slope${r} = ${slope} * (1.0 - bent${r} * bent${r});`;
    },
    sizes: `let queries = sizes[0].x;
  let keys = sizes[0].y;
  let queryHeads = sizes[0].z;
  let keyHeads = sizes[0].w;
  let share = queryHeads / keyHeads;`,
  };
}

/** A kernel whose invocations have rows of queries or of keys each. */
const gradientKernel =
  (
    kernel: AttentionKernel,
    count: 'queries' | 'keys',
    heads: 'queryHeads' | 'keyHeads',
    body: (context: KernelContext<AttentionGradientProblem>, shared: ReturnType<typeof prepare>) => string,
  ): KernelBuilder<AttentionGradientProblem> =>
  (context) => {
    const shared = prepare(context, kernel);
    const { rows, lanes, parameters, sizes } = shared;
    const { attributes, target } = context;
    return {
      variant: kernel,
      workgroupSize: [lanes, 1, 1],
      workgroups: [Math.ceil(attributes[count] / (rows * lanes)) * attributes[heads], attributes.batch, 1],
      directives: attentionDirectives(target),
      parameters,
      body: `${sizes}
  ${locateRows(target, { rows, count, heads })}
  ${body(context, shared)}`,
    };
  };

/** Rows of the gradient of the query. */
const queryGradient = gradientKernel('gradient of queries', 'queries', 'queryHeads', (context, shared) => {
  const { query, key, value, upstream, logTotal, delta, rows, lanes, block } = shared;
  const { productFactor, gradientFactor, units, each, write, upstreamRow, pair } = shared;
  const { target, attributes } = context;
  const { width } = attributes;
  const towardsWeight = (r: number): string => `${dot(width, `u${r}_`, 'v')} - delta${r}`;
  return `let queryHead = head;
  let keyHead = head / share;
  let keyRows = ${viewStart(2, 'entry', 'keyHead')};
  let valueRows = ${viewStart(3, 'entry', 'keyHead')};
  let queryRows = ${viewStart(1, 'entry', 'head')};
  ${each(
    (r) => `let queryStart${r} = queryRows + safe${r} * ${viewTime(1)};
  ${loadRow(`q${r}_`, query, `queryStart${r}`, width, `${productFactor} * `)}
  let place${r} = ${upstreamRow(`safe${r}`)};
  let upstreamStart${r} = place${r} * ${units}u;
  ${loadRow(`u${r}_`, upstream, `upstreamStart${r}`, width)}
  let logTotal${r} = ${logTotal}[place${r}];
  let delta${r} = ${delta}[place${r}];
  ${eachVector(width, (at) => `var sum${r}_${at} = vec4<f32>();`)}`,
  )}
  ${overPairs(
    context,
    MASK,
    {
      rows,
      count: 'keys',
      dims: (row) => ['entry', 'queryHead', `safe${row}`, 'at'],
      block: `entry * sizes[4].x + queryHead * sizes[4].y + tile * ${rows * lanes}u / ${block}u * sizes[4].z + first / ${block}u`,
    },
    (visible) => `
  let keyStart = keyRows + at * ${viewTime(2)};
  let valueStart = valueRows + at * ${viewTime(3)};
  ${loadForAll(target, width, [
    { name: 'k', read: key, start: 'keyStart' },
    { name: 'v', read: value, start: 'valueStart' },
  ])}
  ${each(
    (r) => `${pair(r, dot(width, `q${r}_`, 'k'), towardsWeight(r), visible(r), `logTotal${r}`)}
  ${eachVector(width, (at) => `sum${r}_${at} += slope${r} * k${at};`)}`,
  )}`,
  )}
  let gradientRows = ${viewStart(5, 'entry', 'head')};
  ${each(
    (r) => `if (row${r} < queries) { let start = gradientRows + row${r} * ${viewTime(5)};
  ${storeRow(`sum${r}_`, write, 'start', width, gradientFactor)} }`,
  )}`;
});

/** Rows of the gradients of key and value, each key head's over all queries that share it. */
const keyGradient = gradientKernel('gradient of keys and values', 'keys', 'keyHeads', (context, shared) => {
  const { query, key, value, upstream, logTotal, delta, rows, lanes, block } = shared;
  const { productFactor, gradientFactor, units, each, write, upstreamRow, pair } = shared;
  const { target, attributes } = context;
  const { width } = attributes;
  const towardsWeight = (r: number): string => `${dot(width, 'u', `v${r}_`)} - delta`;
  return `let keyRows = ${viewStart(2, 'entry', 'head')};
  let valueRows = ${viewStart(3, 'entry', 'head')};
  ${each(
    (r) => `let keyStart${r} = keyRows + safe${r} * ${viewTime(2)};
  ${loadRow(`k${r}_`, key, `keyStart${r}`, width, `${productFactor} * `)}
  let valueStart${r} = valueRows + safe${r} * ${viewTime(3)};
  ${loadRow(`v${r}_`, value, `valueStart${r}`, width)}
  ${eachVector(width, (at) => `var sumK${r}_${at} = vec4<f32>(); var sumV${r}_${at} = vec4<f32>();`)}`,
  )}
  ${repeat(
    'sharer',
    { end: 'share' },
    `let queryHead = head * share + sharer;
  let queryRows = ${viewStart(1, 'entry', 'queryHead')};
  ${overPairs(
    context,
    MASK,
    {
      rows,
      count: 'queries',
      dims: (row) => ['entry', 'queryHead', 'at', `safe${row}`],
      block: `entry * sizes[4].x + queryHead * sizes[4].y + first / ${block}u * sizes[4].z + tile * ${rows * lanes}u / ${block}u`,
    },
    (visible) => `
  let queryStart = queryRows + at * ${viewTime(1)};
  let place = ${upstreamRow('at')};
  let upstreamStart = place * ${units}u;
  ${loadForAll(target, width, [
    { name: 'q', read: query, start: 'queryStart' },
    { name: 'u', read: upstream, start: 'upstreamStart' },
  ])}
  let logTotal = ${logTotal}[place];
  let delta = ${delta}[place];
  ${each(
    (r) => `${pair(r, dot(width, 'q', `k${r}_`), towardsWeight(r), visible(r), 'logTotal')}
  ${eachVector(width, (at) => `sumK${r}_${at} += slope${r} * q${at}; sumV${r}_${at} += weight${r} * u${at};`)}`,
  )}`,
  )}`,
  )}
  let towardsKeys = ${viewStart(6, 'entry', 'head')};
  let towardsValues = ${viewStart(7, 'entry', 'head')};
  ${each(
    (r) => `if (row${r} < keys) { let start = towardsKeys + row${r} * ${viewTime(6)};
  ${storeRow(`sumK${r}_`, write, 'start', width, gradientFactor)}
  let valueStart = towardsValues + row${r} * ${viewTime(7)};
  ${storeRow(`sumV${r}_`, write, 'valueStart', width, '1.0')} }`,
  )}`;
});

/**
 * The gradients of query, key and value, by formulas that compute the weights again (arXiv 2205.14135, algorithm 4).
 * One kernel has a row of queries an invocation, the other one of keys, so that each sum has one owner and its order
 * is fixed.
 */
export const attentionBackward: readonly KernelBuilder<AttentionGradientProblem>[] = [
  queryGradient,
  keyGradient,
];
