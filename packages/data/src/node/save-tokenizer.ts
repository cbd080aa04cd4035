import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataFileError } from '../errors.js';
import type { TokenizerFiles } from '../text/tokenizer-files.js';

/**
 * Writes the files of a tokenizer as Hugging Face names them: `tokenizer.json` and `tokenizer_config.json`. Each is whole or
 * as it was before.
 *
 * @throws DataFileError in one line
 */
export function saveTokenizer(folder: string, { tokenizer, config }: TokenizerFiles): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, value] of [
      ['tokenizer_config.json', config],
      ['tokenizer.json', tokenizer],
    ] as const) {
      if (value === undefined) continue;
      const fresh = join(folder, `${name}.${process.pid}.partial`);
      writeFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`);
      renameSync(fresh, join(folder, name));
    }
  } catch (cause) {
    throw new DataFileError(`cannot write a tokenizer to ${folder}: ${(cause as Error).message}.`, { cause });
  }
}
