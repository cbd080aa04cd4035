import type { KernelContext, KernelText, Target } from '../../compile/kernel.js';
import { repeat } from '../../compile/loops.js';
import { MAX_WORKGROUPS } from '../../compile/segments.js';
import { LOWEST_F32, wgslLiteral } from '../../dtype.js';
import { acrossLanes, isOneSubgroup, laneCount, largerOfBoth, range, sumOfBoth } from '../lanes.js';
import {
  type AttentionProblem,
  dot,
  eachVector,
  isAligned,
  loadRow,
  productFactor,
  type Read,
  rowLanes,
  scoreOf,
  storeRow,
  vectorsOf,
  viewParameters,
  viewStart,
  viewTime,
} from './problem.js';
import { loadWhole } from './tiles.js';

/** A weight may grow to this power of e before a lane scales its sums down. */
const HEADROOM = '8.0';
const MASK = 3;
const BYTES_PER_VECTOR = 16;
const BYTES_PER_NUMBER = 4;

/** On the CPU each lane loads by itself, which costs more than it saves where rows are longer. */
const WIDEST_ON_CPU = 16;

/** Whether sharing out the keys of a row is faster than giving each lane a row, and can be done. */
export function sharesKeys(target: Target, { width, queries, queryHeads }: AttentionProblem): boolean {
  if (target.software && width > WIDEST_ON_CPU) return false;
  return queries * queryHeads <= MAX_WORKGROUPS;
}

/** Lanes that share the keys of a row: as many as there is memory for their sums. */
function lanesOf(target: Target, width: number): number {
  let lanes = laneCount(target);
  const bytesPerLane = vectorsOf(width) * BYTES_PER_VECTOR + BYTES_PER_NUMBER;
  if (!isOneSubgroup(target))
    while (lanes > 1 && lanes * bytesPerLane > target.maxWorkgroupMemory) lanes /= 2;
  return lanes;
}

/**
 * Attention of few queries to many keys, as in decoding: a workgroup for each query and head, whose lanes take every so-manieth
 * key each and put their running softmaxes together at the end (as "split keys" of flash decoding do,
 * https://pytorch.org/blog/flash-decoding/). What a row comes to does not depend on the rows beside it, nor on keys that are hidden at the end.
 * Inputs: query, key, value, and the mask where there is one. Results like `attentionForward`.
 */
export function attentionAcrossKeys(context: KernelContext<AttentionProblem>): KernelText {
  const { node, attributes: problem, wgsl, target } = context;
  const { batch, queryHeads, keyHeads, queries, keys, width } = problem;
  const [query, key, value] = range(3).map((at) => wgsl.reader(at, rowLanes(width))) as [Read, Read, Read];
  const logTotal = wgsl.part(1);
  const lanes = lanesOf(target, width);
  const lowest = wgslLiteral(LOWEST_F32, 'f32');
  const vectors = vectorsOf(width);

  const attendTo = (visible: string): string => `if (${visible}) {
  let keyStart = keyRows + at * ${viewTime(2)};
  ${loadWhole('k', key, 'keyStart', width)}
  let score = ${scoreOf(problem, dot(width, 'q', 'k'))};
  if (score > highest + ${HEADROOM}) {
    let shrink = exp(highest - score);
    highest = score;
    total = total * shrink;
    ${eachVector(width, (at) => `sum${at} = sum${at} * shrink;`)}
  }
  let weight = exp(score - highest);
  total += weight;
  let valueStart = valueRows + at * ${viewTime(3)};
  ${loadWhole('v', value, 'valueStart', width)}
  ${eachVector(width, (at) => `sum${at} += weight * v${at};`)}
}`;
  const { before, inside } =
    node.inputs[MASK] === undefined
      ? { before: '', inside: attendTo('true') }
      : wgsl.elementsInLoop(MASK, [['entry', 'head', 'row', 'at']], 'at', ([visible]) =>
          attendTo(visible as string),
        );
  const loop = repeat(
    'first',
    { end: 'keys', step: lanes },
    `let at = first + lane;
if (at < keys) {
${inside}
}`,
  );
  const overLanes = acrossLanes(target, { highestOfLanes: largerOfBoth, totalOfLanes: sumOfBoth }, lanes);
  const together = isOneSubgroup(target) ? sumByShuffles(context) : sumInMemory(context, lanes);

  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: [queries * queryHeads, batch, 1],
    directives: overLanes.directives ?? [],
    declarations: [overLanes.declarations, together.declarations].join('\n'),
    parameters: [
      ...[queries, keys, queryHeads, keyHeads],
      ...viewParameters(problem.query, width),
      ...viewParameters(problem.key, width),
      ...viewParameters(problem.value, width),
    ],
    body: `let queries = sizes[0].x;
  let keys = sizes[0].y;
  let queryHeads = sizes[0].z;
  let head = group.x % queryHeads;
  let row = group.x / queryHeads;
  let entry = group.y;
  let keyHead = head / (queryHeads / sizes[0].w);
  let keyRows = ${viewStart(2, 'entry', 'keyHead')};
  let valueRows = ${viewStart(3, 'entry', 'keyHead')};
  let queryStart = ${viewStart(1, 'entry', 'head')} + row * ${viewTime(1)};
  ${loadRow('q', query, 'queryStart', width, `${productFactor(problem)} * `)}
  var highest = ${lowest};
  var total = 0.0;
  ${eachVector(width, (at) => `var sum${at} = vec4<f32>();`)}
  ${before}
  ${keys === 0 ? '' : loop}
  let top = highestOfLanes(highest, lane);
  let share = select(exp(highest - top), 0.0, total == 0.0);
  let all = totalOfLanes(total * share, lane);
  // A row that sees nothing gives zeros; one that sees NaN gives NaN.
  let factor = select(1.0 / all, 0.0, all == 0.0);
  let place = (entry * queries + row) * queryHeads + head;
  let start = place * ${isAligned(width) ? vectors : width}u;
  ${together.body}
  ${logTotal === undefined ? '' : `if (lane == 0u) { ${logTotal}[place] = select(top + log(all), 0.0, all == 0.0); }`}`,
  };
}

interface Together {
  readonly declarations: string;
  /** Stores the sum of `share * sum0`, `share * sum1`, ... over all lanes, times `factor`, at `start`. */
  readonly body: string;
}

/** Lanes hand their sums round, a vector at a time: code for each vector takes long to compile. */
function sumByShuffles({ attributes: { width }, wgsl, target }: KernelContext<AttentionProblem>): Together {
  const type = isAligned(width) ? 'vec4<f32>' : 'f32';
  const steps = range(Math.log2(laneCount(target))).map(
    (bit) => `all = all + subgroupShuffleXor(all, ${2 ** bit}u);`,
  );
  const write = (at: string, result: string): string =>
    `{ let together = factor * sumOfLanes(${result}); if (lane == 0u) { ${wgsl.store(at, 'together')} } }`;
  return {
    declarations: `fn sumOfLanes(value: ${type}) -> ${type} {
  var all = value;
  ${steps.join(' ')}
  return all;
}`,
    body: storeRow('sum', write, 'start', width, 'share'),
  };
}

/** Each lane adds up some vectors of all lanes. */
function sumInMemory(
  { attributes: { width }, wgsl }: KernelContext<AttentionProblem>,
  lanes: number,
): Together {
  const vectors = vectorsOf(width);
  const store = isAligned(width)
    ? wgsl.store('start + vector', 'added * factor')
    : range(4)
        .map(
          (part) =>
            `if (4u * vector + ${part}u < ${width}u) { ${wgsl.store(`start + 4u * vector + ${part}u`, `added[${part}] * factor`)} }`,
        )
        .join('\n    ');
  return {
    declarations: `var<workgroup> sums: array<vec4<f32>, ${lanes * vectors}>;`,
    body: `${eachVector(width, (at) => `sums[${at * lanes}u + lane] = share * sum${at};`)}
  workgroupBarrier();
  for (var vector = lane; vector < ${vectors}u; vector += ${lanes}u) {
    var added = vec4<f32>();
    for (var other = 0u; other < ${lanes}u; other++) { added += sums[vector * ${lanes}u + other]; }
    ${store}
  }`,
  };
}
