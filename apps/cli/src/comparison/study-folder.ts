import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type PlannedRun,
  RunFolder,
  type RunRecord,
  type Study,
  toJson,
  writeAtomic,
} from '@foretoken/train';
import { UsageError } from '../errors.js';
import type { FinishedRun } from './kind.js';

/** The study in a folder with its runs, so that its report can be made again. */
export interface StudyRecord {
  readonly study: Study;
  readonly runs: readonly PlannedRun[];
  readonly command: string;
}

const STUDY = 'study.json';
const START = 'start.json';
const MEASURES = 'measures.json';

/** @throws UsageError when the file is damaged */
export function readJson<T>(path: string): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (cause) {
    throw new UsageError(`${path} is not valid JSON. Remove it; the same command makes it again.`, { cause });
  }
}

/** The files of a study beside its run folders. */
export class StudyFolder {
  constructor(readonly path: string) {}

  record(): StudyRecord | undefined {
    return readJson(join(this.path, STUDY));
  }
  keepRecord(record: StudyRecord): void {
    this.#write(join(this.path, STUDY), record);
  }

  /** What was measured of the model that runs on some data begin with. */
  start(dataset: string): unknown {
    return readJson(join(this.path, dataset, START));
  }
  keepStart(dataset: string, measured: unknown): void {
    this.#write(join(this.path, dataset, START), measured);
  }

  /** A run, once it has ended. */
  finished(run: PlannedRun): FinishedRun | undefined {
    const path = join(this.path, run.folder);
    const folder = new RunFolder(path);
    const [summary, record] = [folder.summary(), folder.record()];
    if (summary === undefined || record === undefined) return undefined;
    return { run, summary, record, measured: readMeasures(path) };
  }

  #write(path: string, value: unknown): void {
    mkdirSync(dirname(path), { recursive: true });
    writeAtomic(path, toJson(value));
  }
}

/** The run that a record of training tells of, where there is no study beside it. */
export const runOfRecord = ({ recipe, objective, seed }: RunRecord, folder: string): PlannedRun => ({
  variant: objective,
  dataset: '',
  seed,
  objective,
  recipe,
  budgets: ['steps'],
  folder,
});

/** What was measured of a trained run. */
export const readMeasures = (runFolder: string): unknown => readJson(join(runFolder, MEASURES));

export const keepMeasures = (runFolder: string, measured: unknown): void =>
  writeAtomic(join(runFolder, MEASURES), toJson(measured));
