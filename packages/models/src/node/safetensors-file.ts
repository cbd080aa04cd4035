import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import {
  readSafetensors,
  type SafetensorsContents,
  SafetensorsError,
  type SafetensorsSource,
} from '@foretoken/nn';

/** Bytes of one system call, which may not ask for 2 GiB or more. */
export const CALL_BYTES = 2 ** 26;

/** Where an open file ends before it should. */
const endsEarly = (end: number): SafetensorsError =>
  new SafetensorsError(`safetensors: the file became shorter while it was read: it ends at byte ${end}.`);

function fill(file: number, into: Uint8Array, start: number): void {
  for (let filled = 0; filled < into.length; ) {
    const wanted = Math.min(CALL_BYTES, into.length - filled);
    const read = readSync(file, into, filled, wanted, start + filled);
    if (read === 0) throw endsEarly(start + filled);
    filled += read;
  }
}

/**
 * Opens a regular file for as long as `use` needs it.
 *
 * @throws SafetensorsError for a folder, a pipe or a device; else what the system or `use` throws
 */
export function withSafetensorsFile<Result>(
  path: string,
  use: (source: SafetensorsSource) => Result,
): Result {
  // Without waiting for somebody to write into a pipe.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new SafetensorsError('safetensors: this is no regular file.');
    return use({ fileBytes: stats.size, fill: (into, start) => fill(file, into, start) });
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a safetensors file of any size straight into its tensors.
 *
 * @throws SafetensorsError for a malformed file, which the message does not name; else what the system throws
 */
export const readSafetensorsFile = (path: string): SafetensorsContents =>
  withSafetensorsFile(path, readSafetensors);
