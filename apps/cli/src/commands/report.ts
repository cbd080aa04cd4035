import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { allObjectives } from '@foretoken/objectives';
import { type PlannedRun, RunFolder, studyOfObjectives, toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { conclude, finishedStudy, writePictures } from '../comparison/conclude.js';
import { kindOf } from '../comparison/kinds.js';
import { runOfRecord, StudyFolder, type StudyRecord } from '../comparison/study-folder.js';
import { UsageError } from '../errors.js';
import { text } from '../flags.js';

interface Flags {
  readonly json: boolean;
  readonly pictures?: string;
}

const names = allObjectives.map(({ name }) => name);
const place = ({ objective }: PlannedRun): number => names.indexOf(objective);

/** The study of a folder that has run folders and no record of one: a comparison of objectives. */
function studyBelow(folder: string): StudyRecord | undefined {
  const records = readdirSync(folder).flatMap((name) => {
    const run = new RunFolder(join(folder, name));
    const record = /^.+-seed\d+$/.test(name) && run.summary() !== undefined ? run.record() : undefined;
    return record === undefined ? [] : [{ record, run: runOfRecord(record, name) }];
  });
  const runs = records.map(({ run }) => run).sort((a, b) => place(a) - place(b) || a.seed - b.seed);
  const [first] = runs;
  if (first === undefined) return undefined;
  const objectives = [...new Set(runs.map(({ objective }) => objective))];
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  const command = records.find(({ run }) => run === first)?.record.command ?? 'unknown';
  return { study: studyOfObjectives(first.recipe, objectives, seeds), runs, command };
}

async function rebuild(this: void, flags: Flags, folder: string): Promise<void> {
  if (!existsSync(folder)) throw new UsageError(`report: there is no folder ${folder}.`);
  const record = new StudyFolder(folder).record() ?? studyBelow(folder);
  const finished = record && finishedStudy(folder, record);
  if (finished === undefined || finished.runs.length === 0)
    throw new UsageError(
      `report: no finished run in ${folder}. Start one with "foretoken compare --out ${folder}".`,
    );
  const { report, conclusion } = await conclude(kindOf(finished.study), finished);
  if (flags.pictures !== undefined) await writePictures(flags.pictures, conclusion);
  process.stdout.write(
    flags.json ? toJson(conclusion.summary) : `${conclusion.table}\n\nReport: ${report}\n`,
  );
}

export const reportCommand = buildCommand<Flags, [string]>({
  func: rebuild,
  docs: { brief: 'Rebuild summary and report from the run folders of a comparison' },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' },
      pictures: {
        kind: 'parsed',
        placeholder: 'DIR',
        parse: text,
        optional: true,
        brief: 'Folder to write the plots to, as SVG and PNG',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Folder of the comparison', parse: text, placeholder: 'folder' }],
    },
  },
});
