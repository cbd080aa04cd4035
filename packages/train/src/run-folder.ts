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
import { type HostTensor, readSafetensors, writeSafetensors } from '@foretoken/nn';
import type { PreparedBatch } from '@foretoken/objectives';
import { dtypeOfHostArray, type TuningChoices } from '@foretoken/tensor';
import { RunFolderError } from './errors.js';
import type { RunRecord, RunSummary } from './events.js';
import { makeFolder, PARTIAL, reasonOf, toJson, writeAtomic, writing } from './files.js';
import { fromOlder, type OlderSummary } from './older-summary.js';
import { parseRecipe, type Recipe } from './recipe.js';
import { takeLock } from './run-lock.js';

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

/** Within the folder of a run. */
export const MODEL_FOLDER = 'model';

const padded = (step: number): string => String(step).padStart(7, '0');

/** One run on disk: its record, its log, its checkpoints and, at the end, its summary. */
export class RunFolder {
  readonly #log: string;
  /** The highest folder that `open` made. */
  #made: string | undefined;

  constructor(readonly path: string) {
    this.#log = join(path, 'metrics.jsonl');
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
    this.#made = makeFolder(join(this.path, 'checkpoints'));
    const release = takeLock(this.path);
    try {
      this.#removeHalves();
      const before = this.record();
      // Nothing was learned where a command was wrong and has been put right.
      if (before === undefined || this.#isUntouched())
        writeAtomic(join(this.path, 'config.json'), toJson(record));
      else this.#compare(before, record);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Removes what a process was writing when it was killed; no other can be at work here. */
  #removeHalves(): void {
    for (const folder of [this.path, join(this.path, 'checkpoints')])
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
    return this.logBytes() === 0 && this.#checkpoints().length === 0 && this.summary() === undefined;
  }

  #compare(before: RunRecord, now: RunRecord): void {
    const earlier = this.#recipeOf(before);
    for (const [path, hash] of Object.entries(before.data ?? {}))
      if (now.data?.[path] !== undefined && now.data[path] !== hash) throw this.#changed(path);
    const from = String(earlier.model['from']);
    for (const [name, hash] of Object.entries(before.model ?? {}))
      if (now.model !== undefined && now.model[name] !== hash)
        throw this.#changed(`model.from ${from}: ${name}`);
    const identity = (recipe: Recipe, { objective, settings, seed }: RunRecord): string =>
      JSON.stringify(sorted({ recipe, objective, settings, seed }));
    if (identity(earlier, before) === identity(now.recipe, now)) return;
    const changed = Object.keys(now.recipe).filter(
      (key) =>
        JSON.stringify(sorted(earlier[key as never])) !== JSON.stringify(sorted(now.recipe[key as never])),
    );
    const what =
      changed.length > 0 ? `other settings (${changed.join(', ')})` : 'another objective, seed or settings';
    throw new RunFolderError(
      `${this.path} holds a run with ${what}. Choose another --out, or remove the folder.`,
    );
  }

  #changed(what: string): RunFolderError {
    return new RunFolderError(
      `${what} has changed since the run in ${this.path} began. Put the old file back, or choose another --out.`,
    );
  }

  /** The recipe of a record, with defaults for settings that are newer than the record. */
  #recipeOf({ recipe }: RunRecord): Recipe {
    try {
      return parseRecipe(recipe);
    } catch (cause) {
      throw new RunFolderError(
        `${this.path} holds a run of another version of Foretoken, whose recipe this one refuses (${(cause as Error).message}). Choose another --out.`,
        { cause },
      );
    }
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

  #checkpoints(pattern = CHECKPOINT): { step: number; path: string }[] {
    const folder = join(this.path, 'checkpoints');
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .flatMap((name) => {
        const step = pattern.exec(name)?.[1];
        return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
      })
      .sort((a, b) => b.step - a.step);
  }

  /** Saves a checkpoint, then removes the ones before it, and what was best before the best that it names. */
  save({ tensors, progress }: Checkpoint): void {
    const path = join(this.path, 'checkpoints', `step-${padded(progress.step)}.safetensors`);
    writeAtomic(path, writeSafetensors(tensors, { progress: JSON.stringify(progress) }));
    for (const older of this.#checkpoints()) if (older.path !== path) rmSync(older.path, { force: true });
    for (const best of this.#checkpoints(BEST))
      if (best.step !== progress.best?.step) rmSync(best.path, { force: true });
  }

  /** The newest checkpoint. @throws RunFolderError or SafetensorsError when it is gone or damaged */
  load(): Checkpoint | undefined {
    const newest = this.#checkpoints()[0];
    if (newest === undefined) return undefined;
    const { tensors, metadata } = readTensors(newest.path);
    if (metadata['progress'] === undefined) {
      throw new RunFolderError(`${newest.path} is no checkpoint of a run: its metadata has no progress.`);
    }
    return { tensors, progress: JSON.parse(metadata['progress']) as Progress };
  }

  #bestPath(step: number): string {
    return join(this.path, 'checkpoints', `best-${padded(step)}.safetensors`);
  }

  /** Keeps parameters beside the checkpoint that will name them as the best. */
  saveBest(step: number, parameters: ReadonlyMap<string, HostTensor>): void {
    writeAtomic(this.#bestPath(step), writeSafetensors(parameters, {}));
  }

  /** The parameters of the best evaluation. @throws RunFolderError when they are gone */
  loadBest(step: number): ReadonlyMap<string, HostTensor> {
    return readTensors(this.#bestPath(step)).tensors;
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

/** The same settings with names in one order, whichever order a file has them in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}

function hostTensors(arrays: PreparedBatch): Map<string, HostTensor> {
  return new Map(
    Object.entries(arrays).map(([name, { data, shape }]) => [
      name,
      { data, shape, dtype: dtypeOfHostArray(data) },
    ]),
  );
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
