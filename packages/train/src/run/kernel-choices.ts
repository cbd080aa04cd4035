import type { Device } from '@foretoken/tensor';
import type { Checkpoint } from './run-checkpoints.js';
import type { RunFolder } from './run-folder.js';

/**
 * Makes kernels take the variants that they took in the processes before this one, whatever has been measured since: bits
 * follow them. What a checkpoint says of them comes before what the folder does.
 *
 * @returns warnings
 * @throws RunFolderError where the folder's own file is damaged, and no checkpoint has them
 */
export function restoreKernels(
  { tuner }: Pick<Device, 'tuner'>,
  folder: RunFolder,
  checkpoint: Checkpoint | undefined,
): string[] {
  const warnings: string[] = [];
  try {
    tuner.choices.load(folder.choices());
  } catch (error) {
    if (checkpoint !== undefined && checkpoint.kernels === undefined) throw error;
    const taken = checkpoint === undefined ? 'kernels are chosen anew' : 'the checkpoint says which to take';
    warnings.push(`${folder.path}: kernels.json is damaged, and written anew; ${taken}.`);
  }
  tuner.choices.load(checkpoint?.kernels ?? {});
  return warnings;
}
