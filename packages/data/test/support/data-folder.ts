import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder =
  process.env['FORETOKEN_DATA'] ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

/** A file or folder of the data sets; undefined where they are not at hand. */
export function dataPath(...parts: string[]): string | undefined {
  const path = join(folder, ...parts);
  return existsSync(path) ? path : undefined;
}
