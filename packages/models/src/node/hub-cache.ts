import { copyFile, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { readJsonFile } from '@foretoken/input/node';
import { CONFIG_FILE, INDEX_FILE, WEIGHTS_FILE } from '../checkpoint/layout.js';
import { parseWeightIndex } from '../checkpoint/weight-index.js';
import { JSON_LIMITS } from './json-limits.js';
import { newMark } from './process-mark.js';

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/**
 * One model in the cache that all tools of Hugging Face share: `blobs` by content, `snapshots/COMMIT` with links to
 * them, and `refs`, the commit that each revision was last seen at.
 */
export class HubCache {
  readonly #folder: string;

  constructor(cacheFolder: string, model: string) {
    this.#folder = join(cacheFolder, `models--${model.replaceAll('/', '--')}`);
  }

  snapshot(commit: string): string {
    return join(this.#folder, 'snapshots', commit);
  }

  blob(etag: string): string {
    return join(this.#folder, 'blobs', etag);
  }

  async makeBlobFolder(): Promise<string> {
    const folder = join(this.#folder, 'blobs');
    await mkdir(folder, { recursive: true });
    return folder;
  }

  hasBlob(etag: string): Promise<boolean> {
    return exists(this.blob(etag));
  }

  hasFile(commit: string, file: string): Promise<boolean> {
    return exists(join(this.snapshot(commit), file));
  }

  /** Puts a blob into a snapshot, as a link where the system has them. */
  async link(commit: string, file: string, etag: string): Promise<void> {
    const path = join(this.snapshot(commit), file);
    await mkdir(dirname(path), { recursive: true });
    // Made beside and renamed, so that a file which is there is never away, or half of one.
    const fresh = `${path}.${newMark()}`;
    try {
      await symlink(relative(dirname(path), this.blob(etag)), fresh);
    } catch {
      await copyFile(this.blob(etag), fresh);
    }
    await rename(fresh, path);
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.#folder, 'refs', revision);
    await mkdir(dirname(path), { recursive: true });
    const fresh = `${path}.${newMark()}`;
    await writeFile(fresh, commit);
    await rename(fresh, path);
  }

  /** The commit that a revision was last seen at. */
  async #lastSeen(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const found = await readFile(join(this.#folder, 'refs', revision), 'utf8').catch(() => '');
    return isCommit(found.trim()) ? found.trim() : undefined;
  }

  /** The folder of a revision, where all of its weights are there. */
  async find(revision: string): Promise<string | undefined> {
    const commit = await this.#lastSeen(revision);
    return commit !== undefined && (await this.isComplete(commit)) ? this.snapshot(commit) : undefined;
  }

  async isComplete(commit: string): Promise<boolean> {
    const has = (file: string): Promise<boolean> => this.hasFile(commit, file);
    if (!(await has(CONFIG_FILE))) return false;
    if (await has(WEIGHTS_FILE)) return true;
    if (!(await has(INDEX_FILE))) return false;
    const folder = this.snapshot(commit);
    const index = parseWeightIndex(folder, readJsonFile(join(folder, INDEX_FILE), JSON_LIMITS));
    const present = await Promise.all([...new Set(index.values())].map(has));
    return present.every(Boolean);
  }
}
