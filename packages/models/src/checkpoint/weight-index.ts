import { printable, shorten } from '@foretoken/input';
import { z } from 'zod';
import { CheckpointError } from './errors.js';
import { INDEX_FILE } from './layout.js';

/** Plain names only: an index must not lead out of its folder. */
const fileName = z
  .string()
  .regex(/^[\w-][\w.-]*\.safetensors$/, 'must be the plain name of a .safetensors file');

/** Far above any model; each is asked for, and opened. */
const MOST_FILES = 10_000;

const schema = z.looseObject({ weight_map: z.record(z.string(), fileName) });

/** In which file each tensor lies. */
export type WeightMap = ReadonlyMap<string, string>;

/** @throws CheckpointError for anything else than an index, in one line */
export function parseWeightIndex(label: string, value: unknown): WeightMap {
  const result = schema.safeParse(value);
  if (!result.success) {
    const [first] = result.error.issues;
    const where = shorten(printable((first?.path ?? []).join('.')), 120) || 'the file';
    throw new CheckpointError(`${label}: ${INDEX_FILE}: ${where}: ${first?.message}.`);
  }
  const map = new Map(Object.entries(result.data.weight_map));
  const files = new Set(map.values()).size;
  if (files > MOST_FILES)
    throw new CheckpointError(`${label}: ${INDEX_FILE} names ${files} files; the limit is ${MOST_FILES}.`);
  if (map.size === 0) throw new CheckpointError(`${label}: ${INDEX_FILE} lists no tensors.`);
  return map;
}

/** The index of shards. */
export const weightIndex = (map: WeightMap, totalBytes: number): object => ({
  metadata: { total_size: totalBytes },
  weight_map: Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1))),
});
