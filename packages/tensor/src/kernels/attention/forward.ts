import type { KernelContext, KernelText } from '../../compile/kernel.js';
import { LOWEST_F32, wgslLiteral } from '../../dtype.js';
import { laneCount, range } from '../lanes.js';
import { blockStrides } from './blocks.js';
import {
  type AttentionProblem,
  dot,
  eachVector,
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
import { chooseRows } from './rows.js';
import { attentionDirectives, blockSize, loadForAll, locateRows, overPairs } from './tiles.js';

/** A weight may grow to this power of e before the running sums are scaled down: far from overflow, and seldom. */
const HEADROOM = '8.0';

/** Inputs: query, key, value, and where there is a mask, states of its blocks and the mask. */
const MASK = { blocks: 3, mask: 4 };

/**
 * Scaled dot-product attention in one pass over the keys, with the running softmax of arXiv 2112.05682 and
 * 2205.14135. Output `[batch, queries, queryHeads, width]`; part 1 is the logarithm of the softmax denominator,
 * `[batch, queries, queryHeads]`, which the gradient needs.
 */
export function attentionForward(context: KernelContext<AttentionProblem>): KernelText {
  const { node, attributes: problem, wgsl, target } = context;
  const { batch, queryHeads, keyHeads, queries, keys, width } = problem;
  const [query, key, value] = range(3).map((at) => wgsl.reader(at, rowLanes(width))) as [Read, Read, Read];
  const logTotal = wgsl.part(1);
  const rows = chooseRows(context, 'result', node.inputs[MASK.mask] !== undefined);
  const tileRows = rows * laneCount(target);
  const tiles = Math.ceil(queries / tileRows);
  const each = (text: (row: number) => string): string => range(rows).map(text).join('\n  ');
  const lowest = wgslLiteral(LOWEST_F32, 'f32');

  const pairs = overPairs(
    context,
    MASK,
    {
      rows,
      count: 'keys',
      dims: (row) => ['entry', 'head', `safe${row}`, 'at'],
      block: `entry * sizes[4].x + head * sizes[4].y + tile * ${tileRows}u / ${blockSize(target)}u * sizes[4].z + first / ${blockSize(target)}u`,
    },
    (visible) => `
  let keyStart = keyRows + at * ${viewTime(2)};
  let valueStart = valueRows + at * ${viewTime(3)};
  ${loadForAll(target, width, [
    { name: 'k', read: key, start: 'keyStart' },
    { name: 'v', read: value, start: 'valueStart' },
  ])}
  ${each((r) => `let score${r} = select(${lowest}, ${scoreOf(problem, dot(width, `q${r}_`, 'k'))}, ${visible(r)});`)}
  let raised = ${range(rows).reduce((text, r) => (r === 0 ? 'score0 - highest0' : `max(${text}, score${r} - highest${r})`), '')};
  if (raised > ${HEADROOM}) {
  ${each(
    // Each row decides for itself, so that its rounding does not depend on what it is computed beside.
    (r) => `{ let higher = select(highest${r}, score${r}, score${r} - highest${r} > ${HEADROOM});
  let shrink = exp(highest${r} - higher);
  highest${r} = higher;
  total${r} = total${r} * shrink;
  ${eachVector(width, (at) => `sum${r}_${at} = sum${r}_${at} * shrink;`)} }`,
  )}
  }
  ${each((r) => `let above${r} = score${r} - highest${r}; let weight${r} = select(0.0, exp(select(above${r}, ${HEADROOM}, above${r} > ${HEADROOM})), ${visible(r)}); total${r} += weight${r};`)}
  ${each((r) => eachVector(width, (at) => `sum${r}_${at} += weight${r} * v${at};`))}`,
  );

  return {
    workgroupSize: [laneCount(target), 1, 1],
    workgroups: [tiles * queryHeads, batch, 1],
    directives: attentionDirectives(target),
    parameters: [
      ...[queries, keys, queryHeads, keyHeads],
      ...viewParameters(problem.query, width),
      ...viewParameters(problem.key, width),
      ...viewParameters(problem.value, width),
      ...blockStrides(node.inputs[MASK.blocks]),
    ],
    body: `let queries = sizes[0].x;
  let keys = sizes[0].y;
  let queryHeads = sizes[0].z;
  ${locateRows(target, { rows, count: 'queries', heads: 'queryHeads' })}
  let keyHead = head / (queryHeads / sizes[0].w);
  let keyRows = ${viewStart(2, 'entry', 'keyHead')};
  let valueRows = ${viewStart(3, 'entry', 'keyHead')};
  let queryRows = ${viewStart(1, 'entry', 'head')};
  ${each((r) => `let queryStart${r} = queryRows + safe${r} * ${viewTime(1)};`)}
  ${each((r) => loadRow(`q${r}_`, query, `queryStart${r}`, width, `${productFactor(problem)} * `))}
  ${each((r) => `var highest${r} = ${lowest}; var total${r} = 0.0; ${eachVector(width, (at) => `var sum${r}_${at} = vec4<f32>();`)}`)}
  ${keys === 0 ? '' : pairs}
  ${each((r) => {
    const place = `((entry * queries + row${r}) * queryHeads + head)`;
    const units = width % 4 === 0 ? vectorsOf(width) : width;
    // A row that sees nothing gives zeros; one that sees NaN gives NaN.
    return `if (row${r} < queries) { let factor = select(1.0 / total${r}, 0.0, total${r} == 0.0);
  let start = ${place} * ${units}u;
  ${storeRow(`sum${r}_`, (at, result) => wgsl.store(at, result), 'start', width, 'factor')}
  ${logTotal === undefined ? '' : `${logTotal}[${place}] = select(highest${r} + log(total${r}), 0.0, total${r} == 0.0);`} }`;
  })}`,
  };
}
