import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { HostTensor } from '@foretoken/nn';
import type { PreparedBatch } from '@foretoken/objectives';
import { dtypeOfHostArray, type TuningChoices } from '@foretoken/tensor';
import { RunFolderError } from '../errors.js';
import type { RunRecord, RunSummary } from '../events.js';
import { makeFolder, PARTIAL, toJson, writeAtomic, writeTensorsAtomic, writing } from '../files.js';
import { fromOlder } from '../older-summary.js';
import { type FoundCheckpoint, findCheckpoint } from './find-checkpoint.js';
import { type Checkpoint, padded, RunCheckpoints, type StoredCheckpoint } from './run-checkpoints.js';
import { readChoices, readLastSaved, readRecord, readSummary } from './run-files.js';
import { runIdentity } from './run-identity.js';
import { takeLock } from './run-lock.js';
import { RunLog } from './run-log.js';
import { checkSameRun } from './same-run.js';

/** Within the folder of a run. */
export const MODEL_FOLDER = 'model';

/** One run on disk: its record, its log, its checkpoints and, at the end, its summary. */
export class RunFolder {
  readonly #log: RunLog;
  readonly #checkpoints: RunCheckpoints;
  /** Of the run that this process has opened. */
  #identity: string | undefined;
  #kept: number | undefined;
  /** What `open` found that there is to tell. */
  readonly #notes: string[] = [];
  /** The highest folder that `open` made. */
  #made: string | undefined;

  constructor(readonly path: string) {
    this.#log = new RunLog(join(path, 'metrics.jsonl'));
    this.#checkpoints = new RunCheckpoints(join(path, 'checkpoints'));
  }

  #file(name: 'config.json' | 'summary.json' | 'kernels.json' | 'last-checkpoint.json'): string {
    return join(this.path, name);
  }

  /** The summary of a finished run. @throws RunFolderError where it is damaged, or that of another run */
  summary(): RunSummary | undefined {
    const stored = readSummary(this.#file('summary.json'));
    if (stored === undefined) return undefined;
    const { run, ...summary } = stored;
    if (run !== undefined && this.#identity !== undefined && run !== this.#identity) {
      throw new RunFolderError(
        `${this.#file('summary.json')} is of a run with other settings. Put the right one back, or remove it: the run then ends again from its last checkpoint.`,
      );
    }
    return 'scores' in summary ? summary : fromOlder(summary);
  }
  /** @throws RunFolderError where it is damaged */
  record(): RunRecord | undefined {
    return readRecord(this.#file('config.json'));
  }

  /**
   * Takes the folder for this process, and makes sure that it holds the same run, or none.
   *
   * @returns how to give it back
   * @throws RunFolderError when another process works in it, or it holds a run of other settings
   */
  open(record: RunRecord): () => void {
    this.#made = makeFolder(this.#checkpoints.folder);
    const lock = takeLock(this.path);
    try {
      this.#removeHalves();
      this.#identity = this.#settle(record);
      this.#kept = record.recipe.evaluation.keepCheckpoints;
      return () => lock.release();
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Makes sure that a run in the folder is the same. @returns the identity of the run, as its checkpoints have it */
  #settle(record: RunRecord): string {
    const config = this.#file('config.json');
    // Nothing was learned where a command was wrong and has been put right.
    if (this.#isUntouched()) writeAtomic(config, toJson(record));
    else {
      const before = this.record();
      if (before !== undefined) {
        checkSameRun(this.path, before, record, existsSync(this.#file('summary.json')));
        return runIdentity(before);
      }
      this.#checkByCheckpoints(config, record);
      writeAtomic(config, toJson(record));
      this.#notes.push(`${config} was gone, and is written anew: the checkpoints are of this run.`);
    }
    return runIdentity(record);
  }

  /** @throws RunFolderError unless a checkpoint says that the run is the same, where nothing else does any more */
  #checkByCheckpoints(config: string, record: RunRecord): void {
    const runs = this.#checkpoints.list().map((file) => this.#checkpoints.runOf(file));
    if (runs.includes(runIdentity(record))) return;
    const why = runs.some((run) => run !== undefined)
      ? 'the checkpoints are of a run with other settings, seed, data or model'
      : 'nothing else in the folder says what was trained';
    throw new RunFolderError(
      `${config} is gone, and ${why}. Put it back, choose another --out, or remove the folder.`,
    );
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
    rmSync(this.#file('config.json'), { force: true });
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
    const written = (['summary.json', 'last-checkpoint.json'] as const).some((name) =>
      existsSync(this.#file(name)),
    );
    return !written && this.logBytes() === 0 && this.#checkpoints.list().length === 0;
  }

  // ---- Log ----------------------------------------------------------------------------------------------

  append(event: object): void {
    this.#log.append(event);
  }
  logBytes(): number {
    return this.#log.size;
  }
  /** Drops what was logged after a checkpoint: it will be logged again. */
  cutLog(bytes: number): void {
    this.#log.cut(bytes);
  }
  /** All events of the log; a last line that was cut off is left out. @throws RunFolderError naming a damaged line */
  events(): Record<string, unknown>[] {
    return this.#log.events();
  }

  // ---- Checkpoints --------------------------------------------------------------------------------------

  /** Saves a checkpoint, then removes old ones, and what was best before the best that the others name. */
  save(checkpoint: Checkpoint): void {
    const { step, logBytes } = checkpoint.progress;
    // A machine that loses power must not keep a checkpoint and forget its log.
    this.#log.sync();
    const origin = { run: this.#identity, log: this.#log.digest(logBytes) };
    this.#checkpoints.save(checkpoint, origin, this.#kept);
    writeAtomic(this.#file('last-checkpoint.json'), toJson({ step }));
  }
  /** The newest checkpoint. @throws RunFolderError when it is damaged */
  load(): StoredCheckpoint | undefined {
    const [newest] = this.#checkpoints.list();
    return newest === undefined ? undefined : this.#checkpoints.read(newest);
  }
  /**
   * What the run resumes from: the newest checkpoint that is intact, with its log and its best parameters.
   *
   * @param steps - updates of the run at most
   * @param every - updates before its first checkpoint
   * @throws RunFolderError in one line, when none can be used, or all are gone
   */
  resume(steps: number, every: number): FoundCheckpoint {
    const { path } = this;
    const { checkpoint, warnings } = findCheckpoint(this.#checkpoints, this.#log, {
      ...{ path, steps, every, run: this.#identity, lastSaved: this.#lastSaved() },
    });
    return { checkpoint, warnings: [...this.#notes, ...warnings] };
  }
  /** The step that was saved last, as far as that is known. */
  #lastSaved(): number | undefined {
    try {
      return readLastSaved(this.#file('last-checkpoint.json'));
    } catch {
      // Something was saved.
      return 0;
    }
  }
  /** Keeps parameters beside the checkpoint that will name them as the best. */
  saveBest(step: number, parameters: ReadonlyMap<string, HostTensor>): void {
    this.#checkpoints.saveBest(step, parameters, { run: this.#identity });
  }
  /** The parameters of the best evaluation. @throws RunFolderError when they are gone or damaged */
  loadBest(step: number): ReadonlyMap<string, HostTensor> {
    return this.#checkpoints.loadBest(step, { run: this.#identity });
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
      writeTensorsAtomic(join(folder, `batch-${part}.safetensors`), hostTensors(arrays));
    }
    writeTensorsAtomic(join(folder, 'last-good.safetensors'), tensors);
    return folder;
  }

  // ---- Kernels ------------------------------------------------------------------------------------------

  /** Which variants the kernels of the run took: see `Tuner`. @throws RunFolderError where the file is damaged */
  choices(): TuningChoices {
    return readChoices(this.#file('kernels.json')) ?? {};
  }
  keepChoices(choices: TuningChoices): void {
    writeAtomic(this.#file('kernels.json'), toJson(choices));
  }

  /** Where the trained model is written for other tools. */
  get modelFolder(): string {
    return join(this.path, MODEL_FOLDER);
  }

  finish(summary: RunSummary): void {
    const run = this.#identity;
    writeAtomic(this.#file('summary.json'), toJson({ ...summary, ...(run === undefined ? {} : { run }) }));
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
