import type { Target } from '../compile/kernel.js';

/** 0, 1, ... `count - 1`. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** Invocations of a workgroup that share a row or a tile: on the CPU those that run side by side, one subgroup. */
export const laneCount = ({ software, subgroupSize }: Target): number =>
  software ? (subgroupSize ?? 8) : 64;
