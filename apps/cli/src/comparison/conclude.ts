import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { oneLine, printable } from '@foretoken/input';
import { type PlannedRun, toJson, writeAtomic } from '@foretoken/train';
import { writePicture } from '../report/picture.js';
import { readRunLog } from '../report/run-logs.js';
import { runLabel } from '../run-label.js';
import type { ComparisonKind, Conclusion, FinishedRun, FinishedStudy } from './kind.js';
import { kindOf } from './kinds.js';
import { readStored, storedLossSummary } from './stored.js';
import { StudyFolder, type StudyRecord } from './study-folder.js';

/** Runs that have not ended, named one by one at most. */
const NAMED = 20;

/** What a run is in tables: no two runs of a study are the same. */
const cellsOf = ({ dataset, variant, seed, budgets }: PlannedRun): string[] =>
  budgets.map((budget) => JSON.stringify([dataset, variant, seed, budget]));

/**
 * Reads what the runs of a study have left. A run that cannot be read is left out, and its problem told.
 *
 * @param problems - that were found before
 */
export function finishedStudy(
  out: string,
  { study, runs, command }: StudyRecord,
  problems: readonly string[] = [],
): FinishedStudy {
  const folder = new StudyFolder(out);
  const found = [...problems];
  const trying = <Result>(read: () => Result): Result | undefined => {
    try {
      return read();
    } catch (error) {
      found.push(oneLine((error as Error).message));
      return undefined;
    }
  };
  const starts = new Map<string, unknown>(
    study.datasets.map(({ name }) => [name, trying(() => folder.start(name))]),
  );
  const taken = new Set<string>();
  const missing: string[] = [];
  const finished = runs.flatMap((run): FinishedRun[] => {
    const cells = cellsOf(run);
    if (cells.some((cell) => taken.has(cell))) {
      found.push(`${printable(join(out, run.folder))}: there is another run of ${runLabel(run)} before it.`);
      return [];
    }
    const before = found.length;
    const one = trying(() => folder.finished(run));
    if (one === undefined && found.length === before) missing.push(run.folder);
    if (one === undefined) return [];
    for (const cell of cells) taken.add(cell);
    const log = trying(() => readRunLog(join(out, run.folder), run.variant, run.seed));
    return [{ ...one, ...(log === undefined ? {} : { log }) }];
  });
  for (const name of missing.slice(0, NAMED))
    found.push(`${printable(join(out, name))}: no run that has ended.`);
  if (missing.length > NAMED) found.push(`${missing.length - NAMED} further runs have not ended.`);
  return { study, runs: finished, starts, out, command, problems: found };
}

/**
 * Writes `summary.json` and `report.html` of a study: made from the run folders next to them, so that they can be written
 * again at any time. The report is one file that needs no network.
 *
 * @returns the path of the report, and what it says
 * @throws RunFolderError when a file of a run is damaged
 */
export async function conclude(
  kind: ComparisonKind,
  finished: FinishedStudy,
): Promise<{ readonly report: string; readonly conclusion: Conclusion }> {
  const conclusion = await kind.conclude(finished);
  const report = join(finished.out, 'report.html');
  writeAtomic(join(finished.out, 'summary.json'), toJson(conclusion.summary));
  writeAtomic(report, conclusion.page);
  return { report, conclusion };
}

/** Said where the summary of a study is all there is. */
const SUMMARY_ALONE =
  'The folders of the runs are not here: this report is made from summary.json, without curves, samples and parts of the loss.';

/**
 * Writes `report.html` again where the summary of a study is all that a folder has.
 *
 * @returns undefined where there is no summary of a study
 * @throws UsageError in one line that names the file, where it is damaged
 */
export async function concludeSummary(
  out: string,
): Promise<{ readonly report: string; readonly conclusion: Conclusion } | undefined> {
  const summary = readStored(join(out, 'summary.json'), storedLossSummary, 'Put it back.');
  if (summary === undefined) return undefined;
  const kind = kindOf(summary.study);
  if (kind.restate === undefined) return undefined;
  const finished = {
    study: summary.study,
    runs: [],
    starts: new Map(),
    out,
    command: summary.command,
    problems: [SUMMARY_ALONE],
  };
  const conclusion = await kind.restate(finished, summary);
  const report = join(out, 'report.html');
  writeAtomic(report, conclusion.page);
  return { report, conclusion };
}

/** Writes the drawings of a report as SVG and PNG. */
export async function writePictures(folder: string, { pictures }: Conclusion): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(pictures)) {
    await writePicture(folder, name, svg, (text) => void process.stderr.write(`${text}\n`));
  }
}
