import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Device } from '@foretoken/tensor';
import {
  changeRecipe,
  describeBudget,
  objectivesOf,
  overrideRecipe,
  type Study,
  studyInFolder,
  studyOfObjectives,
  toJson,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { conclude, finishedStudy, writePictures } from '../comparison/conclude.js';
import { kindOf } from '../comparison/kinds.js';
import { measureStarts, planStudy } from '../comparison/prepare.js';
import { StudyFolder, type StudyRecord } from '../comparison/study-folder.js';
import { openTunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { text, wholeNumber } from '../flags.js';
import { runInOrder, runInParallel, runLabel } from '../grid.js';
import { Progress } from '../progress.js';
import { runName } from '../run-name.js';
import { parseNumbers, parseObjectives, startOfComparison } from '../settings.js';
import { watchSignals } from '../signals.js';

interface Flags {
  readonly task?: string;
  readonly study?: string;
  readonly data?: string;
  readonly recipe?: string;
  readonly objectives?: string[];
  readonly seeds?: number[];
  readonly out?: string;
  readonly pictures?: string;
  readonly set?: readonly string[];
  readonly jobs: number;
  readonly json: boolean;
}

/** Each is a process with a device of its own. */
const MOST_JOBS = 256;

/** A study, and the name of the folder for it. */
interface Choice {
  readonly study: Study;
  readonly name: string;
}

/** The study that the flags ask for. @throws UsageError for flags that do not belong together */
function chooseStudy({ objectives, seeds, data, set = [], ...choice }: Flags): Choice {
  const { study, recipe } = startOfComparison(choice);
  if (study === undefined) {
    if (data !== undefined)
      throw new UsageError('--data: the folder of the data of a study; give --study, or task.files.');
    const chosen = overrideRecipe(recipe, set);
    return {
      study: studyOfObjectives(chosen, objectives ?? objectivesOf(chosen), seeds ?? [0]),
      name: runName(chosen.name, recipe, chosen),
    };
  }
  for (const [flag, value] of Object.entries({ recipe: choice.recipe, objectives })) {
    if (value !== undefined)
      throw new UsageError(`--${flag}: study ${study.name} has its own; leave it out.`);
  }
  const placed = data === undefined ? study : studyInFolder(study, data);
  const chosen = changeRecipe(placed, (own) => overrideRecipe(own, set));
  return {
    study: { ...chosen, seeds: seeds ?? placed.seeds },
    name: runName(study.name, placed.recipe, chosen.recipe),
  };
}

/** Opens the device once it is needed. */
function lazyDevice(): { open: () => Promise<Device>; close: () => Promise<void> } {
  let device: Promise<Device> | undefined;
  return {
    open: () => {
      device ??= openTunedDevice();
      return device;
    },
    close: async () => (await device)?.close(),
  };
}

async function compare(this: void, flags: Flags): Promise<void> {
  const { study: chosen, name } = chooseStudy(flags);
  const kind = kindOf(chosen);
  const out = flags.out ?? join('runs', name);
  const { title, recipe, seeds, variants } = chosen;
  const folder = new StudyFolder(out);
  mkdirSync(out, { recursive: true });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const names = variants.map(({ name }) => name);
  say(
    `${title}: ${names.join(', ')}; seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}; at most ${describeBudget(recipe)} each.`,
  );
  say(`Runs are kept in ${out}; after an interruption the same command goes on.`);

  const command = commandLine();
  const commit = currentCommit();
  const device = lazyDevice();
  const interruption = watchSignals();
  const { signal } = interruption;
  let progress: Progress | undefined;
  let record: StudyRecord;
  try {
    const preparing = { out, openDevice: device.open, say, signal, command, commit };
    const study = (await kind.prepare?.(chosen, preparing)) ?? chosen;
    record = { study, runs: await planStudy(study, device.open), command };
    await measureStarts(study, kind, folder, device.open);
    folder.keepRecord(record);
    const { runs } = record;
    progress = new Progress(runs.map((run) => ({ label: runLabel(run), steps: run.recipe.steps })));
    const settings = study.measure;
    const options = { runs, kind, settings, out, command, commit, progress, interruption };
    await (flags.jobs === 1 ? runInOrder(options, device.open) : runInParallel(options, flags.jobs));
  } finally {
    progress?.end();
    await device.close();
  }

  const { report, conclusion } = await conclude(kind, finishedStudy(out, record));
  if (flags.pictures !== undefined) await writePictures(flags.pictures, conclusion);
  if (flags.json) {
    process.stdout.write(toJson(conclusion.summary));
    return;
  }
  process.stdout.write(`\n${conclusion.table}\n\n`);
  for (const note of conclusion.notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`Report: ${relative(process.cwd(), report) || report}\n`);
  if (seeds.length === 1) {
    const rest = process.argv
      .slice(3)
      .filter((arg, at, all) => !/^--seeds?(=|$)/.test(arg) && all[at - 1] !== '--seeds');
    process.stdout.write(
      `One seed is an anecdote. The full study: npm start -- ${[...rest, '--seeds 0,1,2'].join(' ')}\n`,
    );
  }
}

export const compareCommand = buildCommand<Flags>({
  func: compare,
  docs: {
    brief: 'Train objectives on a recipe, or the variants of a study, and compare them',
    fullDescription:
      'Trains every objective, or every variant of a study, with every seed, one after the other, and ends with a table, summary.json and report.html. Finished runs are skipped and interrupted ones go on. Any setting of the recipe can be given as a flag of its name: --steps 200, --mutor.maxOffset=1, --learningRate 1e-3. See docs/studies.md.',
  },
  parameters: {
    flags: {
      task: {
        kind: 'parsed',
        placeholder: 'NAME',
        parse: text,
        optional: true,
        brief: 'What ships for a task: star-graph, images, stories, ...',
      },
      study: {
        kind: 'parsed',
        placeholder: 'NAME',
        parse: text,
        optional: true,
        brief: 'Study: a YAML or JSON file, or a name of "foretoken studies"',
      },
      data: {
        kind: 'parsed',
        placeholder: 'DIR',
        parse: text,
        optional: true,
        brief: 'Folder that the paths of a study start from [default = the current one]',
      },
      recipe: {
        kind: 'parsed',
        placeholder: 'NAME',
        parse: text,
        optional: true,
        brief: 'Recipe: see "foretoken recipes" [default = star-graph]',
      },
      objectives: {
        kind: 'parsed',
        placeholder: 'A,B',
        parse: parseObjectives,
        optional: true,
        brief: 'Objectives, separated by commas [default = all]',
      },
      seeds: {
        kind: 'parsed',
        placeholder: 'N,N',
        parse: (text) => parseNumbers(text),
        optional: true,
        brief: 'Seeds: 0,1,2 or 0-4 [default = 0, or those of the study]',
      },
      out: {
        kind: 'parsed',
        placeholder: 'DIR',
        parse: text,
        optional: true,
        brief: 'Folder of the runs [default = runs/RECIPE-SETTINGS or runs/STUDY-SETTINGS]',
      },
      pictures: {
        kind: 'parsed',
        placeholder: 'DIR',
        parse: text,
        optional: true,
        brief: 'Folder to write the plots of the report to, as SVG and PNG',
      },
      set: {
        kind: 'parsed',
        placeholder: 'KEY=VALUE',
        parse: text,
        optional: true,
        variadic: true,
        brief: 'Override a setting: key=value',
      },
      jobs: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, MOST_JOBS),
        default: '1',
        brief: 'Runs at a time, each in its own process',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON document on standard output' },
    },
  },
});
