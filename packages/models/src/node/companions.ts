import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { printable } from '@foretoken/input';
import { readBytesFile } from '@foretoken/input/node';
import { CheckpointError } from '../checkpoint/errors.js';
import { COMPANION_FILES } from '../checkpoint/layout.js';

/** More than any tokenizer has. */
const MOST_BYTES = 2 ** 29;

const isInside = (path: string, folder: string): boolean => {
  const steps = relative(folder, path);
  return steps !== '' && !steps.startsWith('..') && !isAbsolute(steps);
};

/** Where the files of a model may really lie: in its folder, or in the cache of the hub among the blobs of the same model. */
function homesOf(folder: string): string[] {
  const real = realpathSync(folder);
  const [snapshots, model] = [dirname(real), dirname(dirname(real))];
  const isCached = basename(snapshots) === 'snapshots' && basename(model).startsWith('models--');
  return isCached ? [real, join(model, 'blobs')] : [real];
}

/**
 * The files that belong to the model of a folder besides its weights, by name.
 *
 * @returns real paths
 * @throws CheckpointError for a link that leads out of the folder, and for what is no regular file
 */
export function companionFiles(folder: string): Map<string, string> {
  const present = readdirSync(folder);
  const homes = homesOf(folder);
  const found = COMPANION_FILES.filter((name) => present.includes(name)).map((name) => {
    const path = join(folder, name);
    if (!existsSync(path))
      throw new CheckpointError(`${printable(path)} is a link to a file that is not there.`);
    const real = realpathSync(path);
    if (!homes.some((home) => isInside(real, home))) {
      throw new CheckpointError(
        `${printable(path)} is a link that leads out of the folder, and would be copied beside the saved model. Put a copy in its place.`,
      );
    }
    if (!statSync(real).isFile()) throw new CheckpointError(`${printable(path)} is no regular file.`);
    return [name, real] as const;
  });
  return new Map(found);
}

/**
 * Checks that what `savePretrained` keeps of a model's folder can be kept, before a long training.
 *
 * @throws CheckpointError as saving would
 */
export function checkCompanions(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) companionFiles(folder);
}

/** The bytes of a file that `companionFiles` found. */
export const readCompanion = (path: string): Uint8Array =>
  readBytesFile(path, { maxBytes: MOST_BYTES, error: CheckpointError });
