import { HIDDEN_ZERO } from './hidden.js';

/**
 * A loop over `variable` from `start` in steps of `step` while it is below `end`; runs at least once. The test stands
 * at its end: software adapters run the body once more, with all lanes off, where it stands at the beginning.
 */
export function repeat(
  variable: string,
  { start = '0u', end, step = 1 }: { readonly start?: string; readonly end: string; readonly step?: number },
  body: string,
): string {
  return `{ var ${variable} = ${start};
loop {
${body}
continuing { ${variable} += ${step}u; break if ${variable} >= ${end}; }
} }`;
}

/**
 * The end of a loop of known length, written so that the driver's compiler does not know it: some unroll such loops
 * whole, which takes them seconds and makes slower code. Workgroups of all kernels lie in two dimensions.
 */
export const loopEnd = (length: number): string => `${length}u + ${HIDDEN_ZERO}`;
