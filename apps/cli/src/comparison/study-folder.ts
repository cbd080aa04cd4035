import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type PlannedRun,
  RunFolder,
  type RunRecord,
  type Study,
  toJson,
  writeAtomic,
} from '@foretoken/train';
import type { FinishedRun } from './kind.js';
import { checkInside, readStored, storedMeasures, storedStart, storedStudy } from './stored.js';

/** The study in a folder with its runs, so that its report can be made again. */
export interface StudyRecord {
  readonly study: Study;
  readonly runs: readonly PlannedRun[];
  readonly command: string;
}

const STUDY = 'study.json';
const START = 'start.json';
const MEASURES = 'measures.json';

/** About a file of measurements that is damaged. */
const MEASURED_AGAIN = 'Put it back, or remove it: it is measured again.';

/** The files of a study beside its run folders. */
export class StudyFolder {
  constructor(readonly path: string) {}

  /** @throws UsageError in one line that names the file, where it is damaged */
  record(): StudyRecord | undefined {
    const advice = 'Put it back, or run the same comparison again: it is written anew.';
    return readStored(join(this.path, STUDY), storedStudy, advice) as StudyRecord | undefined;
  }
  keepRecord(record: StudyRecord): void {
    this.#write(join(this.path, STUDY), record);
  }

  /**
   * What was measured of the model that runs on some data begin with.
   *
   * @throws UsageError in one line that names the file, where it is damaged
   */
  start(dataset: string): number | null | undefined {
    return readStored(join(this.path, dataset, START), storedStart, MEASURED_AGAIN);
  }
  keepStart(dataset: string, measured: unknown): void {
    this.#write(join(this.path, dataset, START), measured);
  }

  /**
   * A run, once it has ended.
   *
   * @throws UsageError or RunFolderError in one line that names the file, where one is damaged
   */
  finished(run: PlannedRun): FinishedRun | undefined {
    checkInside(this.path, run.folder);
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

/** What was measured of a trained run. @throws UsageError in one line that names the file, where it is damaged */
export const readMeasures = (runFolder: string): unknown =>
  readStored(join(runFolder, MEASURES), storedMeasures, MEASURED_AGAIN);

export const keepMeasures = (runFolder: string, measured: unknown): void =>
  writeAtomic(join(runFolder, MEASURES), toJson(measured));
