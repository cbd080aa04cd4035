import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toJson, writeAtomic } from '@foretoken/train';
import { writePicture } from '../report/picture.js';
import type { ComparisonKind, Conclusion, FinishedStudy } from './kind.js';
import { StudyFolder, type StudyRecord } from './study-folder.js';

/** Reads what the runs of a study have left. */
export function finishedStudy(out: string, { study, runs, command }: StudyRecord): FinishedStudy {
  const folder = new StudyFolder(out);
  const starts = new Map<string, unknown>(study.datasets.map(({ name }) => [name, folder.start(name)]));
  return {
    study,
    runs: runs.flatMap((run) => folder.finished(run) ?? []),
    starts,
    out,
    command,
    problems: [],
  };
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

/** Writes the drawings of a report as SVG and PNG. */
export async function writePictures(folder: string, { pictures }: Conclusion): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(pictures)) {
    await writePicture(folder, name, svg, (text) => void process.stderr.write(`${text}\n`));
  }
}
