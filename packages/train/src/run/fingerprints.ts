import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findData } from '@foretoken/data/node';
import { printable } from '@foretoken/input';
import { COMPANION_FILES } from '@foretoken/models';
import { RecipeError } from '../errors.js';
import { reasonOf } from '../files.js';
import type { Recipe } from '../recipe.js';
import { taskOf } from '../task-kinds.js';

/** SHA-256 of files by their names: what goes on with other contents would not be the same run. */
export type Fingerprints = Readonly<Record<string, string>>;

/** Which files are recorded: of all versions before, a record names fewer. */
export const FINGERPRINTS_VERSION = 2;

/** Large files in the cache of the hub lie under their hash already. */
function knownHash(path: string): string | undefined {
  const real = realpathSync(path);
  const name = basename(real);
  return basename(dirname(real)) === 'blobs' && /^[0-9a-f]{64}$/.test(name) ? name : undefined;
}

/** @throws RecipeError naming the setting and the file, where it cannot be read */
async function sha256Of(setting: string, path: string): Promise<string> {
  // A device or a pipe may never end.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new RecipeError(`${setting}: ${printable(path)} is no file. Give a regular file.`);
  const hash = createHash('sha256');
  try {
    const known = knownHash(path);
    if (known !== undefined) return known;
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw new RecipeError(`${setting}: cannot read ${path}: ${reasonOf(cause)}.`, { cause });
  }
  return hash.digest('hex');
}

/**
 * The fingerprints of the data of a recipe, by path.
 *
 * @throws RecipeError naming a file that cannot be read
 */
export async function dataFingerprints(recipe: Recipe): Promise<Fingerprints> {
  const found: Record<string, string> = {};
  // Reading the data says best what is missing.
  const { kind, settings } = taskOf(recipe);
  for (const path of kind.files(settings).filter((path) => existsSync(findData(path))))
    found[path] = await sha256Of('task.files', findData(path));
  return found;
}

const isOfModel = (name: string): boolean =>
  (COMPANION_FILES as readonly string[]).includes(name) ||
  /^(config\.json|model.*\.safetensors(\.index\.json)?)$/.test(name);

/**
 * The fingerprints of a pretrained model, by the names of its files: config, weights, tokenizer, and whatever else is read
 * from there or goes along into the model that the run saves. The folder may be another one on another machine.
 *
 * @throws RecipeError naming a file that cannot be read
 */
export async function modelFingerprints(folder: string): Promise<Fingerprints> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder).sort())
    if (isOfModel(name)) found[name] = await sha256Of('model.from', join(folder, name));
  return found;
}
