import type { Device } from '@foretoken/tensor';
import { ConfigError, checkCount } from './errors.js';

const FLOAT_BYTES = 4;

/**
 * Checks the size of a table with a row for each position, before it is drawn up on the host.
 *
 * @throws ConfigError unless there are positions, and no more than a buffer of the adapter can hold
 */
export function checkPositionTable(
  owner: string,
  device: Device,
  { maxPositions, width }: { readonly maxPositions: number; readonly width: number },
): void {
  checkCount(owner, 'maxPositions', maxPositions);
  const { maxBufferSize = Number.POSITIVE_INFINITY, maxStorageBufferBindingSize = Number.POSITIVE_INFINITY } =
    device.limits;
  const most = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / (FLOAT_BYTES * width));
  if (maxPositions <= most) return;
  throw new ConfigError(
    `${owner}: maxPositions is ${maxPositions}; a table of ${width} numbers a position has room for ${most} of them on this adapter.`,
  );
}
