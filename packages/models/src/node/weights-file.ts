import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fetchSafetensorsHeader, SafetensorsError, type SafetensorsHeader } from '@foretoken/nn';
import { CheckpointError } from '../checkpoint/errors.js';
import type { StoredTensor } from '../checkpoint/source.js';
import { reading } from './file-error.js';
import { CALL_BYTES } from './safetensors-file.js';

/** Fills `into` from byte `start` of a file on. */
async function fill(path: string, file: FileHandle, into: Uint8Array, start: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const wanted = Math.min(CALL_BYTES, into.length - filled);
    const { bytesRead } = await file.read(into, filled, wanted, start + filled);
    if (bytesRead === 0)
      throw new CheckpointError(
        `${path} became shorter while it was read: it ends at byte ${start + filled}.`,
      );
    filled += bytesRead;
  }
}

async function readHeader(path: string, file: FileHandle): Promise<SafetensorsHeader> {
  const stats = await file.stat();
  if (stats.isDirectory()) throw new CheckpointError(`cannot read ${path}: it is a folder.`);
  if (!stats.isFile()) throw new CheckpointError(`cannot read ${path}: it is no regular file.`);
  try {
    return await fetchSafetensorsHeader(async (start, end) => {
      const bytes = new Uint8Array(end - start);
      await fill(path, file, bytes, start);
      return bytes;
    }, stats.size);
  } catch (error) {
    if (error instanceof SafetensorsError)
      throw new SafetensorsError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** An open safetensors file, of which only the header has been read. */
export class WeightsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, { entries, dataStart }: SafetensorsHeader) {
    this.#file = file;
    this.tensors = new Map(
      [...entries].map(([name, { dtype, shape, start: first }]): [string, StoredTensor] => [
        name,
        {
          dtype,
          shape,
          read: (into, start) => reading(path, () => fill(path, file, into, dataStart + first + start)),
        },
      ]),
    );
  }

  /** @throws CheckpointError when it cannot be read, SafetensorsError for a malformed file; both name it */
  static async open(path: string): Promise<WeightsFile> {
    // Without waiting for somebody to write into a pipe.
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
    const file = await reading(path, () => open(path, flags));
    try {
      return new WeightsFile(path, file, await reading(path, () => readHeader(path, file)));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
