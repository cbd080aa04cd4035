import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { RecipeError } from './errors.js';
import { reasonOf } from './files.js';
import type { Recipe } from './recipe.js';
import { taskOf } from './task-kinds.js';

/**
 * The SHA-256 of every data file of a recipe: a run that goes on with other data would not be the same run.
 *
 * @throws RecipeError naming the file that cannot be read
 */
export async function dataFingerprints(recipe: Recipe): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const { kind, settings } = taskOf(recipe);
  for (const path of kind.files(settings)) {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(path), hash);
    } catch (cause) {
      // Reading the data says best what is missing.
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new RecipeError(`task.files: cannot read ${path}: ${reasonOf(cause)}.`, { cause });
    }
    found[path] = hash.digest('hex');
  }
  return found;
}
