import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type HostTensor, readSafetensors, writeSafetensors } from '@foretoken/nn';
import type { TuningChoices } from '@foretoken/tensor';
import { RunFolderError } from './errors.js';
import type { RunRecord, RunSummary } from './events.js';
import { toJson, writeAtomic } from './files.js';

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
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly progress: Progress;
}

const CHECKPOINT = /^step-(\d+)\.safetensors$/;

/** Whether a process of this number runs on this machine. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One run on disk: its record, its log, its checkpoints and, at the end, its summary. */
export class RunFolder {
  readonly #log: string;
  readonly #lock: string;

  constructor(readonly path: string) {
    this.#log = join(path, 'metrics.jsonl');
    this.#lock = join(path, 'lock');
  }

  /** The summary of a finished run. */
  summary(): RunSummary | undefined {
    return readJson<RunSummary>(join(this.path, 'summary.json'));
  }
  record(): RunRecord | undefined {
    return readJson<RunRecord>(join(this.path, 'config.json'));
  }

  /**
   * Takes the folder for this process, and makes sure that it holds the same run, or none.
   *
   * @returns how to give it back
   * @throws RunFolderError when another process works in it, or it holds a run of other settings
   */
  open(record: RunRecord): () => void {
    mkdirSync(join(this.path, 'checkpoints'), { recursive: true });
    const release = this.#takeLock();
    try {
      const before = this.record();
      if (before === undefined) writeAtomic(join(this.path, 'config.json'), toJson(record));
      else this.#compare(before, record);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  #compare(before: RunRecord, now: RunRecord): void {
    const identity = ({ recipe, objective, settings, seed }: RunRecord): string =>
      JSON.stringify({ recipe, objective, settings, seed });
    if (identity(before) === identity(now)) return;
    const changed = Object.keys(now.recipe).filter(
      (key) => JSON.stringify(before.recipe[key as never]) !== JSON.stringify(now.recipe[key as never]),
    );
    const what =
      changed.length > 0 ? `other settings (${changed.join(', ')})` : 'another objective, seed or settings';
    throw new RunFolderError(
      `${this.path} holds a run with ${what}. Choose another --out, or remove the folder.`,
    );
  }

  #takeLock(): () => void {
    for (;;) {
      try {
        const file = openSync(this.#lock, 'wx');
        writeSync(file, String(process.pid));
        closeSync(file);
        return () => rmSync(this.#lock, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = Number(readFileSync(this.#lock, 'utf8'));
      // A process that was killed leaves its lock behind; an own one is from an earlier run in this process.
      if (owner > 0 && owner !== process.pid && isAlive(owner)) {
        throw new RunFolderError(`${this.path} is in use by process ${owner}.`);
      }
      rmSync(this.#lock, { force: true });
    }
  }

  // ---- Log ----------------------------------------------------------------------------------------------

  append(event: object): void {
    appendFileSync(this.#log, `${JSON.stringify(event)}\n`);
  }
  logBytes(): number {
    return existsSync(this.#log) ? statSync(this.#log).size : 0;
  }
  /** Drops what was logged after a checkpoint: it will be logged again. */
  cutLog(bytes: number): void {
    if (existsSync(this.#log)) truncateSync(this.#log, bytes);
  }
  /** All events of the log; a last line that was cut off is left out. */
  events(): Record<string, unknown>[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  // ---- Checkpoints --------------------------------------------------------------------------------------

  #checkpoints(): { step: number; path: string }[] {
    const folder = join(this.path, 'checkpoints');
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .flatMap((name) => {
        const step = CHECKPOINT.exec(name)?.[1];
        return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
      })
      .sort((a, b) => b.step - a.step);
  }

  /** Saves a checkpoint, then removes the ones before it. */
  save({ tensors, progress }: Checkpoint): void {
    const name = `step-${String(progress.step).padStart(7, '0')}.safetensors`;
    const path = join(this.path, 'checkpoints', name);
    writeAtomic(path, writeSafetensors(tensors, { progress: JSON.stringify(progress) }));
    for (const older of this.#checkpoints()) if (older.path !== path) rmSync(older.path, { force: true });
  }

  /** The newest checkpoint. @throws SafetensorsError when the file is damaged */
  load(): Checkpoint | undefined {
    const newest = this.#checkpoints()[0];
    if (newest === undefined) return undefined;
    const { tensors, metadata } = readSafetensors(readFileSync(newest.path));
    if (metadata['progress'] === undefined) {
      throw new RunFolderError(`${newest.path} is no checkpoint of a run: its metadata has no progress.`);
    }
    return { tensors, progress: JSON.parse(metadata['progress']) as Progress };
  }

  // ---- Kernels ------------------------------------------------------------------------------------------

  /** Which way the kernels of the run took: see `Tuner`. */
  choices(): TuningChoices {
    return readJson<TuningChoices>(join(this.path, 'kernels.json')) ?? {};
  }
  keepChoices(choices: TuningChoices): void {
    writeAtomic(join(this.path, 'kernels.json'), toJson(choices));
  }

  finish(summary: RunSummary): void {
    writeAtomic(join(this.path, 'summary.json'), toJson(summary));
  }
}

function readJson<T>(path: string): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (cause) {
    throw new RunFolderError(`${path} is not valid JSON. Remove the folder to start the run again.`, {
      cause,
    });
  }
}
