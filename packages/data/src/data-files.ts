import { z } from 'zod';

const list = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((paths) => (typeof paths === 'string' ? [paths] : paths));

/** Files of each split: one path or several, read in order. */
export const dataFilesSchema = z.strictObject({
  train: list,
  /** Held out of `train` when absent; never taken from `test`. */
  validation: list.optional(),
  test: list.optional(),
});

/** Files as stored with a run. */
export type DataFiles = z.output<typeof dataFilesSchema>;

export const DATA_FILE_NAMES = Object.keys(dataFilesSchema.shape);
