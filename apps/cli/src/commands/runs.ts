import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../errors.js';
import { jsonFlag, text } from '../flags.js';
import { tell } from '../output.js';
import { figuresOf } from '../runs/figures.js';
import { findRuns, isRunFolder } from '../runs/find-runs.js';
import type { RunInfo } from '../runs/run-info.js';
import { differentSettings, settingsOfRun } from '../runs/settings.js';
import { comparisonTable, runsTable } from '../runs/tables.js';

interface Flags {
  readonly json: boolean;
}

const asJson = (run: RunInfo): object => ({
  path: run.path,
  state: run.state,
  ...figuresOf(run),
  bytes: run.bytes,
  settings: Object.fromEntries(settingsOfRun(run)),
  problems: run.problems,
});

function listRuns(this: void, { json }: Flags, ...folders: string[]): void {
  const given = folders.length === 0 ? ['runs'] : folders;
  const runs = findRuns(given, tell);
  if (runs.length === 0) throw new UsageError(`no run in ${given.join(', ')}. "foretoken train" starts one.`);
  // Several run folders by their names are to be compared.
  const isComparison = given.length > 1 && runs.length > 1 && given.every(isRunFolder);
  if (json) {
    const all = runs.map(asJson);
    process.stdout.write(toJson(isComparison ? { runs: all, different: differentSettings(runs) } : all));
    return;
  }
  process.stdout.write(`${isComparison ? comparisonTable(runs) : runsTable(runs)}\n`);
}

export const runsCommand = buildCommand<Flags, string[]>({
  func: listRuns,
  docs: {
    brief: 'List run folders, or compare the settings and figures of several',
    fullDescription:
      'Lists the runs in and below a folder: task, objective, state, steps, loss, time and size. Two or more run folders are put side by side: the settings in which they differ, and what they came to.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        placeholder: 'DIR',
        brief: 'Folder of runs, or several run folders [default = runs]',
        parse: text,
      },
    },
    flags: { json: jsonFlag },
  },
});
