import type { KernelText, Target } from '../compile/kernel.js';
import { MAX_WORKGROUPS } from '../compile/segments.js';

/** 0, 1, ... `count - 1`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Invocations of a workgroup that share a row or a tile: on the CPU those that run side by side, one subgroup. */
export const laneCount = ({ software, subgroupSize }: Target): number =>
  software ? (subgroupSize ?? 8) : 64;

/** Whether a workgroup is one subgroup, so that its lanes can hand values to one another without barriers. */
export const isOneSubgroup = ({ software, subgroupSize }: Target): boolean =>
  software && subgroupSize !== undefined;

/** Workgroups for `rows` rows, one each, and how many of them lie side by side. */
export function rowGroups(rows: number): { across: number; workgroups: readonly [number, number, number] } {
  const across = Math.min(rows, MAX_WORKGROUPS);
  return { across, workgroups: [across, Math.ceil(rows / Math.max(across, 1)), 1] };
}

/** WGSL of a value made of two. */
export type Combine = (a: string, b: string) => string;

/**
 * Functions `name(value, lane)` that combine the values of all lanes of a workgroup and give the result to each of them,
 * and what they need. On the CPU a workgroup is a subgroup: pairs, pairs of pairs ... of lanes exchange what they have.
 */
export function acrossLanes(
  target: Target,
  functions: Readonly<Record<string, Combine>>,
  lanes = laneCount(target),
): Pick<KernelText, 'directives' | 'declarations'> {
  const oneSubgroup = isOneSubgroup(target);
  const texts = Object.entries(functions).map(([name, combine]) =>
    oneSubgroup
      ? `fn ${name}(value: f32, lane: u32) -> f32 {
  var all = value;
  ${range(Math.log2(lanes))
    .map((bit) => `all = ${combine('all', `subgroupShuffleXor(all, ${2 ** bit}u)`)};`)
    .join(' ')}
  return all;
}`
      : `fn ${name}(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shares[lane] = value;
  for (var half = ${lanes / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (lane < half) { shares[lane] = ${combine('shares[lane]', 'shares[lane + half]')}; }
  }
  workgroupBarrier();
  return shares[0];
}`,
  );
  if (oneSubgroup) return { directives: ['enable subgroups'], declarations: texts.join('\n') };
  return { declarations: [`var<workgroup> shares: array<f32, ${lanes}>;`, ...texts].join('\n') };
}

/** The sum of two values. */
export const sumOfBoth: Combine = (a, b) => `${a} + ${b}`;
/** The larger of two values. */
export const largerOfBoth: Combine = (a, b) => `max(${a}, ${b})`;
