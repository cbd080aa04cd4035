import { FLOAT_BYTES } from '@foretoken/nn';
import { shardFile } from './layout.js';
import type { SavedTensor } from './save.js';

/** As transformers cuts. */
export const DEFAULT_MAX_SHARD_BYTES = 5e9;

type Tensors = ReadonlyMap<string, SavedTensor>;

export const tensorBytes = ({ dtype, shape }: SavedTensor): number =>
  shape.reduce((product, size) => product * size, FLOAT_BYTES[dtype]);

/** Files that hold tensors, in order, none of them above `maxBytes` unless a single tensor is. */
export function planShards(tensors: Tensors, maxBytes: number): Map<string, Tensors> {
  const shards: Map<string, SavedTensor>[] = [new Map()];
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    const size = tensorBytes(tensor);
    if (bytes > 0 && bytes + size > maxBytes) {
      shards.push(new Map());
      bytes = 0;
    }
    shards.at(-1)?.set(name, tensor);
    bytes += size;
  }
  return new Map(shards.map((shard, index) => [shardFile(index, shards.length), shard]));
}
