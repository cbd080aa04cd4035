import type { KernelContext, Target } from '../../compile/kernel.js';
import { bucket } from '../../tune/choices.js';
import { laneCount } from '../lanes.js';
import type { AttentionProblem } from './problem.js';
import { blockSize } from './tiles.js';

/** What a measurement needs to know of an attention kernel. */
export interface AttentionQuestion {
  readonly operation: 'attention';
  /** Measure the gradient, not the result. */
  readonly gradient: boolean;
  readonly batch: number;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  /** With a causal mask, or with none. */
  readonly masked: boolean;
}

/** Elements of queries, or of keys, that one invocation keeps. */
const BUDGET = 64;
/** Heads narrower than this are computed so soon that code for more rows takes longer to compile than it saves. */
const WIDE = 32;

/** Products of a row with a row in each kernel. */
const PRODUCTS = { result: 2, 'gradient of queries': 3, 'gradient of keys and values': 4 } as const;

export type AttentionKernel = keyof typeof PRODUCTS;

/** Numbers of rows that one invocation can compute: as many as fit into a block. On a GPU there are lanes for all rows. */
function candidates(target: Target): number[] {
  const most = target.software ? blockSize(target) / laneCount(target) : 1;
  const rows = [1];
  while (2 * (rows.at(-1) as number) <= most) rows.push(2 * (rows.at(-1) as number));
  return rows;
}

/** The most rows of which an invocation keeps no more than `BUDGET` elements. */
function usualRows(target: Target, width: number): number {
  if (width < WIDE) return 1;
  return candidates(target).reduce((most, rows) => (rows * width <= BUDGET ? rows : most), 1);
}

/** Rows that one invocation computes, so that what it loads serves them all. */
export function chooseRows<Attributes extends AttentionProblem>(
  { target, attributes }: KernelContext<Attributes>,
  kernel: AttentionKernel,
  masked: boolean,
): number {
  const { batch, queryHeads, keyHeads, queries, keys, width } = attributes;
  const ways = candidates(target).map(String);
  const fallback = String(usualRows(target, width));
  if (ways.length === 1) return Number(fallback);
  const sizes = [batch * queryHeads, queries, keys].map(bucket).join('x');
  const products = PRODUCTS[kernel] * batch * queryHeads * queries * keys * width;
  return Number(
    target.choices.pick({
      key: `attention ${kernel} ${sizes}x${width}${masked ? '' : ' without mask'}`,
      candidates: ways,
      fallback,
      work: masked ? products / 2 : products,
      problem: {
        operation: 'attention',
        gradient: kernel !== 'result',
        ...{ batch, queryHeads, keyHeads, queries, keys, width, masked },
      },
    }),
  );
}
