import { type FileHandle, open } from 'node:fs/promises';
import { fetchSafetensorsHeader, SafetensorsError, type SafetensorsHeader } from '@foretoken/nn';
import type { StoredTensor } from '../checkpoint/source.js';
import { reading } from './read-error.js';

/** Bytes of a file, fewer where it ends. */
async function readBytes(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

async function readHeader(path: string, file: FileHandle): Promise<SafetensorsHeader> {
  const { size } = await file.stat();
  try {
    return await fetchSafetensorsHeader((start, end) => readBytes(file, start, end), size);
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
      [...entries].map(([name, { dtype, shape, start: first }]) => [
        name,
        {
          dtype,
          shape,
          read: (start, end) =>
            reading(path, () => readBytes(file, dataStart + first + start, dataStart + first + end)),
        },
      ]),
    );
  }

  /** @throws CheckpointError when it cannot be read, SafetensorsError for a malformed file; both name it */
  static async open(path: string): Promise<WeightsFile> {
    const file = await reading(path, () => open(path, 'r'));
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
