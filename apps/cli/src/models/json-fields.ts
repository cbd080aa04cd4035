import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.js';

/**
 * The fields of a JSON file of a model's folder; none where there is no such file.
 *
 * @throws UsageError when it holds anything else than an object
 */
export function readFields(folder: string, file: string): Readonly<Record<string, unknown>> {
  const path = join(folder, file);
  if (!existsSync(path)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new UsageError(`${path} is not a JSON object.`);
}
