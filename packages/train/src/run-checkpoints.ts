import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type HostTensor, readSafetensors, writeSafetensors } from '@foretoken/nn';
import { RunFolderError } from './errors.js';
import { reasonOf, writeAtomic } from './files.js';

/** Where a run stands, saved with its tensors. */
export interface Progress {
  /** Updates made. */
  readonly step: number;
  /** Time spent on updates, and in all, by all processes that worked on the run. */
  readonly trainSeconds: number;
  readonly seconds: number;
  /** Length of the log that belongs to this state. */
  readonly logBytes: number;
  /** The step of the evaluation that found the task solved, if one did. */
  readonly solvedAtStep: number | null;
  /** Training FLOPs and tokens so far; runs of earlier versions, whose batches are all alike, do not have them. */
  readonly flops?: number;
  readonly tokens?: number;
  /** The best evaluation so far, whose parameters are kept beside the checkpoint. */
  readonly best?: BestEvaluation | null;
  /** Evaluations since the best one. */
  readonly worse?: number;
}

/** The evaluation that has been best so far. */
export interface BestEvaluation {
  readonly step: number;
  /** Of what the recipe chooses by. */
  readonly value: number;
  readonly validationLoss: number | null;
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly progress: Progress;
}

const CHECKPOINT = /^step-(\d+)\.safetensors$/;
const BEST = /^best-(\d+)\.safetensors$/;

/** Numbers of steps in names, so that files lie in their order. */
export const padded = (step: number): string => String(step).padStart(7, '0');

/** The checkpoints of one run: the newest, and the parameters of the best evaluation. */
export class RunCheckpoints {
  /** @param folder - where they lie; it may not be there yet */
  constructor(readonly folder: string) {}

  /** Whether there is none. */
  isEmpty(): boolean {
    return this.#files(CHECKPOINT).length === 0;
  }

  /** Saves a checkpoint, then removes the ones before it, and what was best before the best that it names. */
  save({ tensors, progress }: Checkpoint): void {
    const path = join(this.folder, `step-${padded(progress.step)}.safetensors`);
    writeAtomic(path, writeSafetensors(tensors, { progress: JSON.stringify(progress) }));
    for (const older of this.#files(CHECKPOINT)) if (older.path !== path) rmSync(older.path, { force: true });
    for (const best of this.#files(BEST))
      if (best.step !== progress.best?.step) rmSync(best.path, { force: true });
  }

  /** The newest checkpoint. @throws RunFolderError or SafetensorsError when it is gone or damaged */
  load(): Checkpoint | undefined {
    const [newest] = this.#files(CHECKPOINT);
    if (newest === undefined) return undefined;
    const { tensors, metadata } = readTensors(newest.path);
    if (metadata['progress'] === undefined) {
      throw new RunFolderError(`${newest.path} is no checkpoint of a run: its metadata has no progress.`);
    }
    return { tensors, progress: JSON.parse(metadata['progress']) as Progress };
  }

  /** Keeps parameters beside the checkpoint that will name them as the best. */
  saveBest(step: number, parameters: ReadonlyMap<string, HostTensor>): void {
    writeAtomic(this.#bestPath(step), writeSafetensors(parameters, {}));
  }

  /** The parameters of the best evaluation. @throws RunFolderError when they are gone */
  loadBest(step: number): ReadonlyMap<string, HostTensor> {
    return readTensors(this.#bestPath(step)).tensors;
  }

  #bestPath(step: number): string {
    return join(this.folder, `best-${padded(step)}.safetensors`);
  }

  /** The files of such names, the newest first. */
  #files(pattern: RegExp): { step: number; path: string }[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .flatMap((name) => {
        const step = pattern.exec(name)?.[1];
        return step === undefined ? [] : [{ step: Number(step), path: join(this.folder, name) }];
      })
      .sort((a, b) => b.step - a.step);
  }
}

function readTensors(path: string): ReturnType<typeof readSafetensors> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new RunFolderError(
      `cannot read ${path}: ${reasonOf(cause)}. Put it back, or remove the folder of the run to start again.`,
      { cause },
    );
  }
  return readSafetensors(bytes);
}
