import { basename } from 'node:path';
import { RunFolderError } from '../errors.js';
import {
  type NumberedFile,
  type RunCheckpoints,
  type StoredCheckpoint,
  UnusableFileError,
} from './run-checkpoints.js';
import type { RunLog } from './run-log.js';

/** What a run resumes from, and what there is to say about it. */
export interface FoundCheckpoint {
  /** Undefined where training begins. */
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly warnings: readonly string[];
}

/** What is known of a run before its checkpoints are read. */
export interface ExpectedRun {
  /** Its folder. */
  readonly path: string;
  /** Digest of its settings and files. */
  readonly run: string | undefined;
  /** Updates that it makes at most. */
  readonly steps: number;
  /** Updates before its first checkpoint. */
  readonly every: number;
  /** The step that was saved last; undefined where nothing says that there was one. */
  readonly lastSaved: number | undefined;
}

/**
 * The newest checkpoint that is intact, with the log and the best parameters that belong to it. What is newer and cannot be
 * used is set aside, and told.
 *
 * @throws RunFolderError in one line, when none can be used, or all are gone
 */
export function findCheckpoint(
  checkpoints: RunCheckpoints,
  log: RunLog,
  expected: ExpectedRun,
): FoundCheckpoint {
  const files = checkpoints.list();
  const unusable: UnusableFileError[] = [];
  for (const file of files) {
    try {
      const checkpoint = checked(checkpoints, log, expected, file);
      return { checkpoint, warnings: describeFallback(checkpoints, expected, file, unusable) };
    } catch (error) {
      if (!(error instanceof UnusableFileError)) throw error;
      unusable.push(error);
    }
  }
  if (files.length === 0) return fromTheStart(checkpoints, log, expected);
  throw new RunFolderError(
    `no checkpoint can be used: ${describe(unusable)}. Put an intact copy back, or remove ${expected.path} to start again.`,
  );
}

/** What is wrong, once for each file: two checkpoints may name the same best parameters. */
const describe = (unusable: readonly UnusableFileError[]): string =>
  [...new Set(unusable.map(({ path, problem }) => `${path} ${problem}`))].join('; ');

/** @throws UnusableFileError where the checkpoint, its log or its best parameters do not belong together */
function checked(
  checkpoints: RunCheckpoints,
  log: RunLog,
  { run, steps }: ExpectedRun,
  file: NumberedFile,
): StoredCheckpoint {
  const checkpoint = checkpoints.read(file);
  const { progress, origin } = checkpoint;
  const { step, best, logBytes } = progress;
  if (run !== undefined && origin.run !== undefined && origin.run !== run)
    throw new UnusableFileError(file.path, 'is of a run with other settings, data or model');
  if (step > steps) throw new UnusableFileError(file.path, `is at step ${step}, and the run has ${steps}`);
  if (log.size < logBytes)
    throw new UnusableFileError(
      log.path,
      `has ${log.size} bytes, and had ${logBytes} when ${basename(file.path)} was saved`,
    );
  if (origin.log !== undefined && log.digest(logBytes) !== origin.log)
    throw new UnusableFileError(log.path, `is not as it was when ${basename(file.path)} was saved`);
  if (best != null) checkpoints.verifyBest(best.step, { run });
  return checkpoint;
}

/** Sets aside what was passed over. */
function describeFallback(
  checkpoints: RunCheckpoints,
  { lastSaved }: ExpectedRun,
  chosen: NumberedFile,
  unusable: readonly UnusableFileError[],
): string[] {
  const instead = `training resumes from step ${chosen.step}`;
  const passedOver = checkpoints.list().filter(({ step }) => step > chosen.step);
  const asides = passedOver.flatMap(({ path }) => {
    const name = checkpoints.setAside(path);
    return name === undefined ? [] : [`${basename(path)} was renamed to ${name}`];
  });
  const renamed = asides.length === 0 ? '' : ` (${asides.join(', ')})`;
  if (unusable.length > 0) return [`${describe(unusable)}: ${instead}${renamed}.`];
  if (lastSaved !== undefined && lastSaved > chosen.step)
    return [`${checkpoints.folder}: the checkpoint of step ${lastSaved} is gone: ${instead}.`];
  return [];
}

/** @throws RunFolderError where there were checkpoints */
function fromTheStart(
  checkpoints: RunCheckpoints,
  log: RunLog,
  { path, every, lastSaved }: ExpectedRun,
): FoundCheckpoint {
  const gone = (step: string): RunFolderError =>
    new RunFolderError(
      `${checkpoints.folder}: the checkpoint is gone, though the run had reached step ${step}. Put it back, or remove ${path} to start again.`,
    );
  if (lastSaved !== undefined) throw gone(String(lastSaved));
  if (log.size === 0) return { checkpoint: undefined, warnings: [] };
  // Runs of earlier versions do not say which checkpoint they saved; behind the first period there was one.
  const reached = log.events().reduce((most, { step }) => Math.max(most, Number(step ?? 0)), 0);
  if (reached > every) throw gone(String(reached));
  return {
    checkpoint: undefined,
    warnings: [`${path}: no checkpoint had been saved yet: training begins again at step 0.`],
  };
}
