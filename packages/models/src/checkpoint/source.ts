import type { SafetensorsDType } from '@foretoken/nn';
import type { Shape } from '@foretoken/tensor';

/** A tensor whose values have not been read. */
export interface StoredTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: Shape;
  /** Fills `into` with its data, little endian and in row-major order, from byte `start` on. */
  read(into: Uint8Array, start: number): Promise<void>;
}

/** A checkpoint as Hugging Face lays it out, wherever it lies: a folder, a server, memory. */
export interface CheckpointSource {
  /** What messages call it. */
  readonly label: string;
  /** What `config.json` holds. */
  readonly config: unknown;
  /** All tensors of all files, by the names in the files. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}
