import { z } from 'zod';
import { LONGEST_TEXT, MOST_NAMES } from './limits.js';

const path = z.string().min(1).max(LONGEST_TEXT);

const list = z
  .union([path, z.array(path).min(1).max(MOST_NAMES)], {
    error: 'expected the path of a file, or a list of paths',
  })
  .transform((paths) => (typeof paths === 'string' ? [paths] : paths));

/** Leaves unknown names to be described with the nearest one. */
const fileError = ({ code }: { readonly code: string }): string | undefined =>
  code === 'invalid_type' ? "expected files by split, { train: 'train.jsonl' }" : undefined;

/** Files of each split: one path or several, read in order. */
export const dataFilesSchema = z.strictObject(
  {
    train: list,
    /** Held out of `train` when absent; never taken from `test`. */
    validation: list.optional(),
    test: list.optional(),
  },
  { error: fileError },
);

/** Files as stored with a run. */
export type DataFiles = z.output<typeof dataFilesSchema>;

export const DATA_FILE_NAMES = Object.keys(dataFilesSchema.shape);
