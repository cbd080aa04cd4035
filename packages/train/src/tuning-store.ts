import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TuningStore } from '@foretoken/tensor';
import { writeAtomic } from './files.js';

/** Where users' caches are: `$XDG_CACHE_HOME`, else `~/.cache`. */
const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'foretoken', 'tuning');

/**
 * Keeps what tuning measured in files, one for each adapter, driver and version. It is a cache: what cannot be read is
 * measured again, and where nothing can be written every process measures for itself.
 *
 * @param folder - default: `foretoken/tuning` in the user's folder of caches
 */
export function fileTuningStore(folder: string = cacheFolder()): TuningStore {
  const path = (name: string): string =>
    join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 16)}.json`);
  return {
    load(name) {
      try {
        return readFileSync(path(name), 'utf8');
      } catch {
        return undefined;
      }
    },
    save(name, text) {
      try {
        mkdirSync(folder, { recursive: true });
        writeAtomic(path(name), text);
      } catch {
        // A home that is read-only, or a full disk: the answers hold for this process.
      }
    },
  };
}
