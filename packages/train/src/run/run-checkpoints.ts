import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseJson } from '@foretoken/input';
import { type HostTensor, SafetensorsError } from '@foretoken/nn';
import type { TuningChoices } from '@foretoken/tensor';
import { z } from 'zod';
import { RunFolderError } from '../errors.js';
import { reasonOf } from '../files.js';
import { DigestError, peekHeader, readDigested, verifyDigested, writeDigested } from './checkpoint-file.js';
import { type Progress, parseProgress } from './progress.js';

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly progress: Progress;
  /** Which variants the kernels of the run took up to here. */
  readonly kernels?: TuningChoices;
}

/** What a checkpoint says of where it belongs; checkpoints of earlier versions say nothing. */
export interface Origin {
  /** Digest of the settings and files of its run. */
  readonly run?: string | undefined;
  /** SHA-256 of the log up to it. */
  readonly log?: string | undefined;
}

/** A checkpoint as it was found. */
export interface StoredCheckpoint extends Checkpoint {
  readonly origin: Origin;
}

/** A checkpoint, or the best parameters, cannot be used: gone, damaged, or of another run. */
export class UnusableFileError extends RunFolderError {
  constructor(
    readonly path: string,
    /** Follows the path: `is damaged: ...`. */
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `${path} ${problem}. Put an intact copy back, or remove the folder of the run to start again.`,
      options,
    );
  }
}

const CHECKPOINT = /^step-(\d{1,15})\.safetensors$/;
const BEST = /^best-(\d{1,15})\.safetensors$/;
/** The end of names of files that were set aside. */
const ASIDE = '.unusable';

/** How many checkpoints are kept where nothing is said. */
export const KEPT_CHECKPOINTS = 2;

/** Numbers of steps in names, so that files lie in their order. */
export const padded = (step: number): string => String(step).padStart(7, '0');

/** A file that is called by a step. */
export interface NumberedFile {
  readonly step: number;
  readonly path: string;
}

/** What the system says where a file is no file, or is not there: nothing that another try could mend. */
const IS_NO_FILE = ['ENOENT', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** Runs what reads a file, and names it where it cannot be used. */
function using<Result>(path: string, use: () => Result): Result {
  try {
    return use();
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof UnusableFileError) throw cause;
    if (
      cause instanceof SafetensorsError ||
      cause instanceof DigestError ||
      cause instanceof RunFolderError
    ) {
      const reason = message.replace(/^safetensors: /, '').replace(/\.$/, '');
      throw new UnusableFileError(path, `is damaged: ${reason}`, { cause });
    }
    if (syscall === undefined) throw cause;
    if (IS_NO_FILE.includes(code ?? ''))
      throw new UnusableFileError(path, `cannot be read: ${reasonOf(cause)}`, { cause });
    // The file may well be intact: that is for a person to settle.
    throw new RunFolderError(
      `cannot read ${path}: ${reasonOf(cause)}. Make it readable; or move it away, and training resumes from the checkpoint before it.`,
      { cause },
    );
  }
}

/** @throws RunFolderError where they are no texts by name */
function parseKernels(text: string): TuningChoices {
  const value = parseJson(text, { what: 'its kernels', error: RunFolderError });
  const result = z.record(z.string(), z.string()).safeParse(value);
  if (result.success) return result.data;
  throw new RunFolderError('its kernels are damaged');
}

/** The checkpoints of one run: the newest ones, and the parameters of the best evaluation of each. */
export class RunCheckpoints {
  /** @param folder - where they lie; it may not be there yet */
  constructor(readonly folder: string) {}

  /** All of them, the newest first. */
  list(): NumberedFile[] {
    return this.#files(CHECKPOINT);
  }

  /**
   * Saves a checkpoint. Then removes those before it, but for the newest, and best parameters that none of them names.
   *
   * @param keep - checkpoints to keep
   */
  save(checkpoint: Checkpoint, { run, log }: Origin = {}, keep = KEPT_CHECKPOINTS): void {
    const { tensors, progress, kernels } = checkpoint;
    writeDigested(this.#path(progress.step), tensors, {
      ...(run === undefined ? {} : { run }),
      ...(log === undefined ? {} : { log }),
      ...(kernels === undefined ? {} : { kernels: JSON.stringify(kernels) }),
      progress: JSON.stringify(progress),
    });
    this.#prune(progress, keep);
  }

  #prune(newest: Progress, keep: number): void {
    // Beyond the newest lie files of an attempt that was given up.
    const kept = this.list()
      .filter(({ step }) => step <= newest.step)
      .slice(0, keep);
    for (const { path } of this.list()) if (!kept.some((each) => each.path === path)) remove(path);
    const named = new Set<number | undefined>([newest.best?.step]);
    for (const { step, path } of kept) {
      if (step === newest.step) continue;
      const best = bestOf(path);
      // Of one that cannot be read, nothing is known.
      if (best === undefined) return;
      named.add(best ?? undefined);
    }
    for (const { step, path } of this.#files(BEST)) if (!named.has(step)) remove(path);
  }

  /**
   * Reads and verifies a checkpoint.
   *
   * @throws UnusableFileError naming it and what is wrong; RunFolderError where the system refuses to read it
   */
  read({ path, step }: NumberedFile): StoredCheckpoint {
    return using(path, () => {
      const { tensors, metadata } = readDigested(path);
      const { progress: text, kernels, run, log } = metadata;
      if (text === undefined)
        throw new UnusableFileError(path, 'is no checkpoint of a run: it has no progress');
      const progress = parseProgress(text);
      if (progress.step !== step)
        throw new UnusableFileError(path, `holds step ${progress.step}: it was renamed`);
      return {
        tensors,
        progress,
        ...(kernels === undefined ? {} : { kernels: parseKernels(kernels) }),
        origin: { run, log },
      };
    });
  }

  /** The run that a checkpoint says to be of, unverified; undefined where it says nothing or cannot be read. */
  runOf({ path }: NumberedFile): string | undefined {
    try {
      return peekHeader(path).metadata['run'];
    } catch {
      return undefined;
    }
  }

  /** Keeps parameters beside the checkpoint that will name them as the best. */
  saveBest(step: number, parameters: ReadonlyMap<string, HostTensor>, { run }: Origin = {}): void {
    writeDigested(this.#bestPath(step), parameters, {
      ...(run === undefined ? {} : { run }),
      bestStep: String(step),
    });
  }

  /** The parameters of the best evaluation. @throws UnusableFileError when they are gone, damaged, or of another run */
  loadBest(step: number, { run }: Origin = {}): ReadonlyMap<string, HostTensor> {
    const path = this.#bestPath(step);
    return using(path, () => {
      const { tensors, metadata } = readDigested(path);
      checkBest(path, metadata, step, run);
      return tensors;
    });
  }

  /** Checks the parameters of the best evaluation without holding them. @throws as `loadBest` */
  verifyBest(step: number, { run }: Origin = {}): void {
    const path = this.#bestPath(step);
    using(path, () => checkBest(path, verifyDigested(path), step, run));
  }

  /**
   * Moves a file away that cannot be used, so that it is in nobody's way and can be looked at.
   *
   * @returns its new name; undefined where it was not there, or could not be moved
   */
  setAside(path: string): string | undefined {
    for (let attempt = 0; attempt < 100; attempt++) {
      const target = `${path}${ASIDE}${attempt === 0 ? '' : `-${attempt}`}`;
      if (existsSync(target)) continue;
      try {
        renameSync(path, target);
        return basename(target);
      } catch {
        return undefined;
      }
    }
    return undefined;
  }

  #path(step: number): string {
    return join(this.folder, `step-${padded(step)}.safetensors`);
  }

  #bestPath(step: number): string {
    return join(this.folder, `best-${padded(step)}.safetensors`);
  }

  /** The files of such names, the newest first. */
  #files(pattern: RegExp): NumberedFile[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new RunFolderError(`cannot read ${this.folder}: ${reasonOf(cause)}.`, { cause });
    }
    return names
      .flatMap((name) => {
        const step = pattern.exec(name)?.[1];
        return step === undefined ? [] : [{ step: Number(step), path: join(this.folder, name) }];
      })
      .sort((a, b) => b.step - a.step || (a.path < b.path ? -1 : 1));
  }
}

function checkBest(
  path: string,
  metadata: Readonly<Record<string, string>>,
  step: number,
  run: string | undefined,
): void {
  const { bestStep, run: own } = metadata;
  // Of earlier versions, these files say nothing at all.
  if (bestStep === undefined && Object.keys(metadata).length > 0)
    throw new UnusableFileError(path, 'holds something else than the parameters of the best evaluation');
  if (bestStep !== undefined && bestStep !== String(step))
    throw new UnusableFileError(path, `holds the parameters of step ${bestStep}: it was renamed`);
  if (run !== undefined && own !== undefined && own !== run)
    throw new UnusableFileError(path, 'is of a run with other settings');
}

/** The step of the best evaluation that a checkpoint names, null for none; undefined where it cannot be read. */
function bestOf(path: string): number | null | undefined {
  try {
    const { progress } = peekHeader(path).metadata;
    return progress === undefined ? undefined : (parseProgress(progress).best?.step ?? null);
  } catch {
    return undefined;
  }
}

/** Removes a file that is not needed; where that fails, it only takes room. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A folder, or one that may not be changed.
  }
}
