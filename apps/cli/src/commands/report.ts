import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { oneLine, printable, quote } from '@foretoken/input';
import { allObjectives, findObjective } from '@foretoken/objectives';
import {
  type PlannedRun,
  parseRecipe,
  RunFolder,
  type RunRecord,
  studyOfObjectives,
  toJson,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { conclude, concludeSummary, finishedStudy, writePictures } from '../comparison/conclude.js';
import type { Conclusion } from '../comparison/kind.js';
import { kindOf } from '../comparison/kinds.js';
import { checkInside } from '../comparison/stored.js';
import { runOfRecord, StudyFolder, type StudyRecord } from '../comparison/study-folder.js';
import { UsageError } from '../errors.js';
import { optionalText, text } from '../flags.js';

interface Flags {
  readonly json: boolean;
  readonly pictures?: string;
}

const names = allObjectives.map(({ name }) => name);
const place = ({ objective }: PlannedRun): number => names.indexOf(objective);

/** The study of a folder, and what of it could not be read. */
interface Found {
  readonly record: StudyRecord;
  readonly problems: readonly string[];
}

/** A folder that training names: OBJECTIVE-seedN. */
const RUN_FOLDER = /^.+-seed\d+$/;

/** The run in a folder, with its recipe checked; undefined where none has ended there. */
function runBelow(folder: string, name: string): { record: RunRecord; run: PlannedRun } | undefined {
  if (!RUN_FOLDER.test(name)) return undefined;
  checkInside(folder, name);
  const run = new RunFolder(join(folder, name));
  const record = run.summary() === undefined ? undefined : run.record();
  if (record === undefined) return undefined;
  const checked = { ...record, recipe: parseRecipe(record.recipe) };
  // A name of no objective would be told of later, for all runs at once.
  findObjective(record.objective);
  return { record: checked, run: runOfRecord(checked, name) };
}

/** The study of a folder that has run folders and no record of one: a comparison of objectives. */
function studyBelow(folder: string): Found | undefined {
  const problems: string[] = [];
  const records = readdirSync(folder).flatMap((name) => {
    try {
      return runBelow(folder, name) ?? [];
    } catch (error) {
      problems.push(oneLine(`${join(folder, name)}: ${(error as Error).message}`));
      return [];
    }
  });
  const runs = records.map(({ run }) => run).sort((a, b) => place(a) - place(b) || a.seed - b.seed);
  const [first] = runs;
  if (first === undefined) {
    const [problem] = problems;
    if (problem !== undefined) throw new UsageError(`report: no run can be read. ${problem}`);
    return undefined;
  }
  const objectives = [...new Set(runs.map(({ objective }) => objective))];
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  const command = records.find(({ run }) => run === first)?.record.command ?? 'unknown';
  return { record: { study: studyOfObjectives(first.recipe, objectives, seeds), runs, command }, problems };
}

/** What can be said of a folder: of its runs, else of its summary alone. */
export async function concludeFolder(
  folder: string,
  warn: (text: string) => void,
): Promise<{ report: string; conclusion: Conclusion }> {
  const stored = new StudyFolder(folder).record();
  const found = stored === undefined ? studyBelow(folder) : { record: stored, problems: [] };
  const finished = found && finishedStudy(folder, found.record, found.problems);
  if (finished !== undefined && finished.runs.length > 0) {
    for (const problem of finished.problems) warn(`Left out: ${problem}`);
    return conclude(kindOf(finished.study), finished);
  }
  const again = finished === undefined ? await concludeSummary(folder) : undefined;
  if (again !== undefined) return again;
  const [problem] = finished?.problems ?? [];
  throw new UsageError(
    `report: no finished run in ${printable(folder)}. ${problem ?? `Start one with "foretoken compare --out ${printable(folder)}".`}`,
  );
}

async function rebuild(this: void, flags: Flags, folder: string): Promise<void> {
  if (!existsSync(folder)) throw new UsageError(`report: there is no folder ${quote(folder)}.`);
  if (!statSync(folder).isDirectory()) throw new UsageError(`report: ${printable(folder)} is no folder.`);
  const { report, conclusion } = await concludeFolder(
    folder,
    (text) => void process.stderr.write(`${text}\n`),
  );
  if (flags.pictures !== undefined) await writePictures(flags.pictures, conclusion);
  process.stdout.write(
    flags.json ? toJson(conclusion.summary) : `${conclusion.table}\n\nReport: ${report}\n`,
  );
}

export const reportCommand = buildCommand<Flags, [string]>({
  func: rebuild,
  docs: {
    brief: 'Rebuild summary and report from the run folders of a comparison, or the report from its summary',
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' },
      pictures: optionalText('DIR', 'Folder to write the plots to, as SVG and PNG'),
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Folder of the comparison', parse: text, placeholder: 'folder' }],
    },
  },
});
