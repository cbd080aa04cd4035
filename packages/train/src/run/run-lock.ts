import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isJsonObject, quote } from '@foretoken/input';
import { z } from 'zod';
import { RunFolderError } from '../errors.js';
import { reasonOf } from '../files.js';
import { type ProcessIdentity, stateOf, thisProcess } from './process-identity.js';

/** A run folder that is taken for one owner, who alone may write to it. */
export interface RunLock {
  /** Gives the folder back; what belongs to somebody else by now is left alone. */
  release(): void;
}

/** What a lock file says of who holds it. */
interface Owner extends ProcessIdentity {
  /** No two locks have the same, ever. */
  readonly token: string;
  /** When it was taken, in milliseconds since 1970. */
  readonly since: number;
}

/** The last moment that a date can name, in milliseconds since 1970. */
const LAST_MOMENT = 8.64e15;

const text = z.string().nullable();
const ownerSchema = z.looseObject({
  host: z.string(),
  machine: text,
  boot: text,
  pidNamespace: text,
  pid: z.int().positive(),
  started: text,
  token: z.string().regex(/^[\w-]{1,64}$/),
  since: z.number().min(0).max(LAST_MOMENT),
});

/** A lock file is small. */
const MAX_LOCK = 4096;
/** Takers of one lock that are waited for, each of which is at it for a moment. */
const ATTEMPTS = 400;
const NAP_MILLISECONDS = 5;
const UNREADABLE_ATTEMPTS = 20;

/** The end of names of locks that have yet to take their place. */
const NEW = '.new';
/** After this time nobody is about to use one any more. */
const NEW_MILLISECONDS = 60_000;

const isCode = (error: unknown, ...codes: string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? '');

/** Locks of earlier versions hold the number of a process, and nothing else. */
function earlierOwner(contents: string): Owner | undefined {
  const pid = /^\d{1,10}$/.test(contents) ? Number(contents) : 0;
  if (pid === 0) return undefined;
  // This process writes no such locks: its number was another one's then.
  const started = pid === process.pid ? 'before' : null;
  return { ...thisProcess(), pid, started, token: `pid-${pid}`, since: Date.now() };
}

/** Who holds a lock; undefined where nobody does. @throws RunFolderError for a file that names nobody */
function ownerOf(lock: string, attempts = UNREADABLE_ATTEMPTS): Owner | undefined {
  let contents: string;
  try {
    // A pipe would be waited for without end.
    contents = statSync(lock).isFIFO() ? 'a pipe' : readFileSync(lock, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw new RunFolderError(
      `cannot read ${lock}: ${reasonOf(error)}. If no training runs in this folder, remove it.`,
      { cause: error },
    );
  }
  const owner = earlierOwner(contents.trim()) ?? parseOwner(contents);
  if (owner !== undefined) return owner;
  if (attempts > 0) {
    // Without hard links there is a moment between making a file and writing it.
    nap();
    return ownerOf(lock, attempts - 1);
  }
  throw new RunFolderError(
    `${lock} does not say which process holds it (${contents === '' ? 'it is empty' : `it begins with ${quote(contents.slice(0, 40))}`}). If no training runs in this folder, remove that file.`,
  );
}

function parseOwner(contents: string): Owner | undefined {
  if (contents.length > MAX_LOCK) return undefined;
  try {
    const value: unknown = JSON.parse(contents);
    const result = ownerSchema.safeParse(value);
    return isJsonObject(value) && result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** @throws RunFolderError that names who holds the lock, and the way out */
function inUse(folder: string, lock: string, owner: Owner, isSure: boolean): RunFolderError {
  const { host, pid, since } = owner;
  const where = host === thisProcess().host ? '' : ` on ${quote(host)}`;
  const seen = owner.token.startsWith('pid-') ? '' : `, since ${new Date(since).toISOString()}`;
  const way = isSure
    ? `Wait for it or stop it; if it is no training, remove ${lock}.`
    : `Whether it still runs cannot be told from here; if it has ended, remove ${lock}.`;
  return new RunFolderError(`${folder} is in use by process ${pid}${where}${seen}. ${way}`);
}

/** Makes one attempt of several wait its turn; starting a run takes far longer. */
const nap = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MILLISECONDS);

/** Taking one lock, with its complete contents in a file beside it. */
class Taker {
  readonly #mine: Owner = { ...thisProcess(), token: randomUUID(), since: Date.now() };
  readonly #partial: string;

  constructor(
    readonly folder: string,
    readonly lock: string,
  ) {
    this.#partial = `${lock}.${this.#mine.token}${NEW}`;
  }

  take(): RunLock {
    writeFileSync(this.#partial, JSON.stringify(this.#mine), { flag: 'wx', flush: true });
    try {
      this.#acquire(this.lock);
    } finally {
      rmSync(this.#partial, { force: true });
    }
    this.#removeLeftovers();
    return { release: () => this.#release(this.lock) };
  }

  /**
   * Makes `path` a lock of this taker. A lock file is complete from its first moment, since it is a link to one that was
   * written before; and of several takers only one can make the link.
   *
   * @throws RunFolderError when another holds it
   */
  #acquire(path: string): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#link(path)) return;
      const owner = ownerOf(path);
      if (owner === undefined) continue;
      const state = stateOf(owner, owner.since);
      if (state === 'ended') {
        if (this.#takeOver(path, owner)) return;
      } else if (path === this.lock) throw inUse(this.folder, path, owner, state === 'runs');
      else throw new BusyError(`${path}: process ${owner.pid} is at it.`);
      nap();
    }
    throw new RunFolderError(
      `${this.lock}: other processes are taking it over, or it is a link that leads nowhere. Try again; if no training runs in this folder, remove that file.`,
    );
  }

  /**
   * Replaces the lock of a process that has ended. Who may do so is settled by a lock of its own, named after the one that
   * is replaced: tokens never come again, so whoever holds it and still finds the old lock is the only one to replace it.
   */
  #takeOver(path: string, ended: Owner): boolean {
    const right = `${this.lock}.after-${ended.token}`;
    try {
      this.#acquire(right);
    } catch (error) {
      // Somebody else is replacing it at this moment.
      if (error instanceof BusyError) return false;
      throw error;
    }
    try {
      if (ownerOf(path)?.token !== ended.token) return false;
      // The link to what is ours takes the name in one step.
      renameSync(this.#copy(), path);
      return true;
    } finally {
      this.#release(right);
    }
  }

  /** Another complete file of the same contents, to be renamed. */
  #copy(): string {
    const copy = `${this.lock}.${randomUUID()}${NEW}`;
    writeFileSync(copy, JSON.stringify(this.#mine), { flag: 'wx', flush: true });
    return copy;
  }

  #link(path: string): boolean {
    try {
      linkSync(this.#partial, path);
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      // File systems without hard links: the file is made under its name, which only one can do.
      if (!isCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error;
    }
    try {
      writeFileSync(path, JSON.stringify(this.#mine), { flag: 'wx' });
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
  }

  /** Removes what takers left that were killed. */
  #removeLeftovers(): void {
    for (const name of readdirSync(this.folder)) {
      if (!name.startsWith(`${basename(this.lock)}.`)) continue;
      const path = join(this.folder, name);
      try {
        // The right to replace a lock that is not there any more is of no use to anybody.
        const isLeft = name.endsWith(NEW)
          ? statSync(path).mtimeMs < Date.now() - NEW_MILLISECONDS
          : hasEnded(ownerOf(path, 0));
        if (isLeft) rmSync(path, { force: true });
      } catch {
        // Gone by now, or no lock at all.
      }
    }
  }

  #release(path: string): void {
    try {
      if (ownerOf(path, 0)?.token === this.#mine.token) rmSync(path, { force: true });
    } catch {
      // The folder is gone, or somebody has put something else there.
    }
  }
}

const hasEnded = (owner: Owner | undefined): boolean =>
  owner !== undefined && stateOf(owner, owner.since) === 'ended';

/** A lock that is held for a moment only, by somebody else. */
class BusyError extends Error {}

/**
 * Takes a folder for this process: a file `lock` in it that names host, process and since when. A process that was killed
 * leaves it behind; the next one on the same machine takes it over. Across machines nobody can tell, so a person is asked.
 *
 * @throws RunFolderError when another process works in it, or it cannot be written
 */
export function takeLock(folder: string): RunLock {
  try {
    return new Taker(folder, join(folder, 'lock')).take();
  } catch (cause) {
    if (cause instanceof RunFolderError) throw cause;
    throw new RunFolderError(`cannot write ${join(folder, 'lock')}: ${reasonOf(cause)}.`, { cause });
  }
}
