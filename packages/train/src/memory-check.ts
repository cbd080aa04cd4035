import { totalmem } from 'node:os';
import { InputError } from '@foretoken/input';

/** Bytes of a parameter with its gradient and the two moments of AdamW. */
const TRAINED_BYTES = 16;

/** Memory of this machine, or what of it this process may use. */
function machineBytes(): number {
  const [total, allowed] = [totalmem(), process.constrainedMemory()];
  return allowed > 0 && allowed < total ? allowed : total;
}

const gibibytes = (bytes: number): string =>
  `${(bytes / 2 ** 30).toLocaleString('en', { maximumFractionDigits: 1 })} GiB`;

/**
 * Refuses what this machine cannot hold, before anything is allocated.
 *
 * @param what - takes the memory, as the message names it: `matrices of these sizes take`
 * @throws InputError in one line with both sizes
 */
export function checkMemory(bytes: number, what: string): void {
  const available = machineBytes();
  if (bytes <= available) return;
  throw new InputError(
    `${what} at least ${gibibytes(bytes)} of memory, and this machine has ${gibibytes(available)}. Choose smaller sizes.`,
  );
}

/**
 * Refuses a model that cannot be trained here: its weights are made in the memory of this machine, and a software adapter
 * holds gradients and moments there as well.
 *
 * @throws InputError in one line
 */
export function checkModelFits(parameters: number, { software }: { readonly software: boolean }): void {
  checkMemory(
    parameters * (software ? TRAINED_BYTES : Float32Array.BYTES_PER_ELEMENT),
    `a model of ${parameters.toLocaleString('en')} parameters takes`,
  );
}
