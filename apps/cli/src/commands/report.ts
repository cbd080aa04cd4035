import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { objectiveNames, toJson, writeAtomic } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../errors.js';
import { writeReport } from '../report/report.js';
import { comparisonTable, type FinishedRun, finishedRun, summarize } from '../summary.js';

interface Flags {
  readonly json: boolean;
}

const names = objectiveNames();
const place = ({ summary }: FinishedRun): number => names.indexOf(summary.objective);

/** All finished runs in a folder of a comparison. */
function runsBelow(folder: string): FinishedRun[] {
  if (!existsSync(folder)) throw new UsageError(`report: there is no folder ${folder}.`);
  return readdirSync(folder)
    .flatMap((name) => {
      const [, objective, seed] = /^(.+)-seed(\d+)$/.exec(name) ?? [];
      return objective === undefined ? [] : (finishedRun(folder, objective, Number(seed)) ?? []);
    })
    .sort((a, b) => place(a) - place(b) || a.summary.seed - b.summary.seed);
}

async function rebuild(this: void, flags: Flags, folder: string): Promise<void> {
  const runs = runsBelow(folder);
  const first = runs[0];
  if (first === undefined)
    throw new UsageError(
      `report: no finished run in ${folder}. Start one with "foretoken compare --out ${folder}".`,
    );
  const summary = summarize(first.record.recipe, first.record.command ?? 'unknown', runs);
  writeAtomic(join(folder, 'summary.json'), toJson(summary));
  const path = await writeReport(folder, summary);
  process.stdout.write(flags.json ? toJson(summary) : `${comparisonTable(summary)}\n\nReport: ${path}\n`);
}

export const reportCommand = buildCommand<Flags, [string]>({
  func: rebuild,
  docs: { brief: 'Rebuild summary and report from the run folders of a comparison' },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' } },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'Folder of the comparison', parse: String, placeholder: 'folder' }],
    },
  },
});
