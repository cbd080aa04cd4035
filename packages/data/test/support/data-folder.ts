import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env['FORETOKEN_DATA'];

/** A file or folder of the data sets; undefined where they are not at hand. */
export function dataPath(...parts: string[]): string | undefined {
  const path = folder === undefined ? undefined : join(folder, ...parts);
  return path !== undefined && existsSync(path) ? path : undefined;
}
