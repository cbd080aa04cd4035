import type { Device } from '@foretoken/tensor';
import type { PlannedRun, Recipe, RunRecord, RunSummary, Session, Study } from '@foretoken/train';
import type { Progress } from '../progress/progress.js';
import type { RunLog } from '../report/run-logs.js';
import type { StoredLossSummary } from './stored.js';

/** A run that has ended. */
export interface FinishedRun {
  readonly run: PlannedRun;
  readonly summary: RunSummary;
  readonly record: RunRecord;
  /** What `measure` of its kind has found; undefined where the kind measures nothing. */
  readonly measured: unknown;
  /** What it logged; absent where that cannot be read. */
  readonly log?: RunLog;
}

/** All runs of a study that have ended. */
export interface FinishedStudy {
  readonly study: Study;
  readonly runs: readonly FinishedRun[];
  /** What `measureStart` of the kind has found, by data. */
  readonly starts: ReadonlyMap<string, unknown>;
  /** Folder of the study. */
  readonly out: string;
  readonly command: string;
  /** What of its folder was left out, and why. */
  readonly problems: readonly string[];
}

/** What a study comes to. */
export interface Conclusion {
  /** Contents of `summary.json`. */
  readonly summary: object;
  /** The table on the terminal, and what has to be said with it. */
  readonly table: string;
  readonly notes: readonly string[];
  /** The page of `report.html`. */
  readonly page: string;
  /** Drawings of the page for other places, as SVG by name. */
  readonly pictures: Readonly<Record<string, string>>;
}

/** What the making of data for a study is told. */
export interface Preparing {
  /** Folder of the study. */
  readonly out: string;
  readonly openDevice: () => Promise<Device>;
  readonly say: (text: string) => void;
  /** Shows what is trained. */
  readonly progress: Pick<Progress, 'add' | 'update'>;
  readonly signal: AbortSignal;
  readonly command: string;
  readonly commit: string | undefined;
}

/** Where a run that is measured lies. */
export interface MeasuredPlace {
  /** Folder of the run. */
  readonly folder: string;
  /** Folder of the study. */
  readonly out: string;
  /** Empty where the study repeats over no data. */
  readonly dataset: string;
}

/**
 * What runs are compared by: all that a comparison knows of a kind of task. Another kind of task is another one of
 * these in the list of `kinds.ts`.
 */
export interface ComparisonKind {
  /** Kinds of tasks, as `task.kind` of a recipe names them. */
  readonly taskKinds: readonly string[];
  /** @throws UsageError or RecipeError for runs that it cannot compare */
  check(recipe: Recipe, settings: Study['measure']): void;
  /** @throws RecipeError for a `prepare` of a data set that asks for nothing it can make; absent where nothing is made */
  checkPreparation?(settings: Readonly<Record<string, unknown>>, dataset: string): void;
  /** What `prepare` has still to make, a line for each data set; absent where nothing is made. */
  preparations?(study: Study, out: string): readonly string[];
  /** The study with what `prepare` made in its settings. */
  prepared?(study: Study, out: string): Study;
  /**
   * Makes the data that a study asks for, where it is not there: `prepare` of its data sets.
   *
   * @returns the study with what was made in its settings
   */
  prepare?(study: Study, preparing: Preparing): Promise<Study>;
  /** Measures the model that runs on some data begin with. */
  measureStart?(session: Session, settings: Study['measure']): Promise<unknown>;
  /** Measures a trained model; what it finds is kept as JSON in the folder of the run. */
  measure?(session: Session, settings: Study['measure'], place: MeasuredPlace): Promise<unknown>;
  conclude(finished: FinishedStudy): Promise<Conclusion>;
  /** The same from a summary that was written before, where there are no runs; absent where that is not enough. */
  restate?(finished: FinishedStudy, summary: StoredLossSummary): Promise<Conclusion>;
}
