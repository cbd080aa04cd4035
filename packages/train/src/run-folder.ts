import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type HostTensor, writeSafetensors } from '@foretoken/nn';
import type { PreparedBatch } from '@foretoken/objectives';
import { dtypeOfHostArray, type TuningChoices } from '@foretoken/tensor';
import { RunFolderError } from './errors.js';
import type { RunRecord, RunSummary } from './events.js';
import { makeFolder, PARTIAL, toJson, writeAtomic, writing } from './files.js';
import { fromOlder, type OlderSummary } from './older-summary.js';
import { type Checkpoint, padded, RunCheckpoints } from './run-checkpoints.js';
import { takeLock } from './run-lock.js';
import { checkSameRun } from './same-run.js';

/** Within the folder of a run. */
export const MODEL_FOLDER = 'model';

/** One run on disk: its record, its log, its checkpoints and, at the end, its summary. */
export class RunFolder {
  readonly #log: string;
  readonly #checkpoints: RunCheckpoints;
  /** The highest folder that `open` made. */
  #made: string | undefined;

  constructor(readonly path: string) {
    this.#log = join(path, 'metrics.jsonl');
    this.#checkpoints = new RunCheckpoints(join(path, 'checkpoints'));
  }

  /** The summary of a finished run. */
  summary(): RunSummary | undefined {
    const summary = readJson<RunSummary & Partial<OlderSummary>>(join(this.path, 'summary.json'));
    return summary === undefined || 'scores' in summary ? summary : fromOlder(summary);
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
    this.#made = makeFolder(this.#checkpoints.folder);
    const release = takeLock(this.path);
    try {
      this.#removeHalves();
      const before = this.record();
      // Nothing was learned where a command was wrong and has been put right.
      if (before === undefined || this.#isUntouched())
        writeAtomic(join(this.path, 'config.json'), toJson(record));
      else checkSameRun(this.path, before, record);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Removes what a process was writing when it was killed; no other can be at work here. */
  #removeHalves(): void {
    for (const folder of [this.path, this.#checkpoints.folder])
      for (const name of readdirSync(folder))
        if (name.endsWith(PARTIAL)) rmSync(join(folder, name), { force: true });
  }

  /** Removes what `open` made, where no run has begun: a command that was wrong leaves nothing behind. */
  abandon(): void {
    if (this.#made === undefined || !this.#isUntouched()) return;
    rmSync(join(this.path, 'config.json'), { force: true });
    for (let folder = join(resolve(this.path), 'checkpoints'); ; folder = dirname(folder)) {
      try {
        rmdirSync(folder);
      } catch {
        // Somebody else has put something into it.
        return;
      }
      if (folder === this.#made) return;
    }
  }

  /** Whether no step of a run is in the folder yet. */
  #isUntouched(): boolean {
    return this.logBytes() === 0 && this.#checkpoints.isEmpty() && this.summary() === undefined;
  }

  // ---- Log ----------------------------------------------------------------------------------------------

  append(event: object): void {
    writing(this.#log, () => appendFileSync(this.#log, `${JSON.stringify(event)}\n`));
  }
  logBytes(): number {
    return existsSync(this.#log) ? statSync(this.#log).size : 0;
  }
  /** Drops what was logged after a checkpoint: it will be logged again. */
  cutLog(bytes: number): void {
    if (existsSync(this.#log)) writing(this.#log, () => truncateSync(this.#log, bytes));
  }
  /** All events of the log; a last line that was cut off is left out. */
  events(): Record<string, unknown>[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  // ---- Checkpoints --------------------------------------------------------------------------------------

  /** Saves a checkpoint, then removes the ones before it, and what was best before the best that it names. */
  save(checkpoint: Checkpoint): void {
    this.#checkpoints.save(checkpoint);
  }
  /** The newest checkpoint. @throws RunFolderError or SafetensorsError when it is gone or damaged */
  load(): Checkpoint | undefined {
    return this.#checkpoints.load();
  }
  /** Keeps parameters beside the checkpoint that will name them as the best. */
  saveBest(step: number, parameters: ReadonlyMap<string, HostTensor>): void {
    this.#checkpoints.saveBest(step, parameters);
  }
  /** The parameters of the best evaluation. @throws RunFolderError when they are gone */
  loadBest(step: number): ReadonlyMap<string, HostTensor> {
    return this.#checkpoints.loadBest(step);
  }

  // ---- Failures -----------------------------------------------------------------------------------------

  /**
   * Keeps what a run failed with: the batch in its parts, as the objective laid it out, and the checkpoint before it.
   *
   * @returns the folder
   */
  saveFailure(
    step: number,
    parts: readonly PreparedBatch[],
    tensors: ReadonlyMap<string, HostTensor>,
  ): string {
    const folder = join(this.path, `failure-${padded(step)}`);
    writing(folder, () => mkdirSync(folder, { recursive: true }));
    for (const [part, arrays] of parts.entries()) {
      writeAtomic(join(folder, `batch-${part}.safetensors`), writeSafetensors(hostTensors(arrays), {}));
    }
    writeAtomic(join(folder, 'last-good.safetensors'), writeSafetensors(tensors, {}));
    return folder;
  }

  // ---- Kernels ------------------------------------------------------------------------------------------

  /** Which way the kernels of the run took: see `Tuner`. */
  choices(): TuningChoices {
    return readJson<TuningChoices>(join(this.path, 'kernels.json')) ?? {};
  }
  keepChoices(choices: TuningChoices): void {
    writeAtomic(join(this.path, 'kernels.json'), toJson(choices));
  }

  /** Where the trained model is written for other tools. */
  get modelFolder(): string {
    return join(this.path, MODEL_FOLDER);
  }

  finish(summary: RunSummary): void {
    writeAtomic(join(this.path, 'summary.json'), toJson(summary));
  }
}

function hostTensors(arrays: PreparedBatch): Map<string, HostTensor> {
  return new Map(
    Object.entries(arrays).map(([name, { data, shape }]) => [
      name,
      { data, shape, dtype: dtypeOfHostArray(data) },
    ]),
  );
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
