import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, printable } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { UsageError } from '../errors.js';

/** Far more than the configs of any model. */
const MOST_BYTES = 2 ** 26;

/** Whether a folder has such a file, or a link of this name, wherever it leads. */
export const hasFile = (folder: string, file: string): boolean =>
  lstatSync(join(folder, file), { throwIfNoEntry: false }) !== undefined;

/**
 * The fields of a JSON file of a model's folder; none where there is no such file.
 *
 * @throws UsageError when it holds anything else than an object
 */
export function readFields(folder: string, file: string): Readonly<Record<string, unknown>> {
  if (!hasFile(folder, file)) return {};
  const path = join(folder, file);
  const value = readJsonFile(path, { maxBytes: MOST_BYTES, error: UsageError });
  if (isJsonObject(value)) return value;
  throw new UsageError(`${printable(path)} is not a JSON object.`);
}
