import { join, relative } from 'node:path';
import type { Device } from '@foretoken/tensor';
import {
  changeRecipe,
  describeBudget,
  makeFolder,
  objectivesOf,
  overrideRecipe,
  type PlannedRun,
  type Study,
  studyInFolder,
  studyOfObjectives,
  type TrainEvent,
  toJson,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { conclude, finishedStudy, writePictures } from '../comparison/conclude.js';
import type { ComparisonKind } from '../comparison/kind.js';
import { kindOf } from '../comparison/kinds.js';
import { measureStarts, planStudy } from '../comparison/prepare.js';
import { StudyFolder, type StudyRecord } from '../comparison/study-folder.js';
import { openTunedDevice, openUntunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { optionalText, optionalTexts, wholeNumber } from '../flags.js';
import { runInOrder, runInParallel } from '../grid.js';
import { describePlan } from '../plan/estimate.js';
import { planOf } from '../plan/plan-runs.js';
import { keepRate } from '../plan/rates.js';
import { Progress } from '../progress/progress.js';
import { runLabel } from '../run-label.js';
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
  readonly dryRun: boolean;
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
function lazyDevice(openDevice: () => Promise<Device>): {
  open: () => Promise<Device>;
  close: () => Promise<void>;
} {
  let device: Promise<Device> | undefined;
  return {
    open: () => {
      device ??= openDevice();
      return device;
    },
    close: async () => (await device)?.close(),
  };
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Runs of a study, as far as that can be told before its data is made: those of equal FLOPs may be fewer. */
function expectedRuns({ datasets, variants, seeds, budgets }: Study): number {
  const cells = variants.length + (budgets.length > 1 ? variants.length - 1 : 0);
  return datasets.reduce((sum, { firstSeeds }) => sum + cells * seeds.slice(0, firstSeeds).length, 0);
}

/** Says what would be trained, and writes nothing. */
async function tryOut(study: Study, kind: ComparisonKind, out: string, jobs: number): Promise<void> {
  const device = lazyDevice(openUntunedDevice);
  try {
    const missing = kind.preparations?.(study, out) ?? [];
    for (const line of missing) say(line);
    if (missing.length > 0) {
      say(`Then up to ${expectedRuns(study)} runs. What they cost is known once the data is made.`);
      return;
    }
    const ready = kind.prepared?.(study, out) ?? study;
    const { runs, costs } = await planStudy(ready, device.open);
    const options = { jobs, openDevice: device.open, always: true };
    for (const line of describePlan(await planOf(runs, costs, options))) say(line);
  } finally {
    await device.close();
  }
}

/** Trains and measures all runs of a study. @returns its record */
async function makeRuns(study: Study, kind: ComparisonKind, out: string, jobs: number): Promise<StudyRecord> {
  const folder = new StudyFolder(out);
  const command = commandLine();
  const commit = currentCommit();
  const device = lazyDevice(openTunedDevice);
  const interruption = watchSignals();
  const { signal } = interruption;
  const progress = new Progress([], { jobs });
  try {
    progress.expect(expectedRuns(study));
    const tell = (text: string): void => progress.tell(text);
    const preparing = { out, openDevice: device.open, say: tell, progress, signal, command, commit };
    const ready = (await kind.prepare?.(study, preparing)) ?? study;
    const { runs, costs } = await planStudy(ready, device.open);
    const record = { study: ready, runs, command };
    await measureStarts(ready, kind, folder, device.open, tell);
    folder.keepRecord(record);
    const open = runs.filter((run) => folder.finished(run) === undefined);
    if (open.length > 0) {
      const options = { jobs, openDevice: device.open, always: false };
      for (const line of describePlan(await planOf(open, costs, options))) tell(line);
    }
    progress.expect(runs.length);
    const lines = runs.map((run) =>
      progress.add({ label: runLabel(run), steps: run.recipe.steps, kind: `${run.dataset} ${run.variant}` }),
    );
    const kept: Promise<void>[] = [];
    const onEvent = (at: number, event: TrainEvent): void => {
      progress.update(lines[at] as number, event);
      const isNew = event.type === 'done' && open.includes(runs[at] as PlannedRun);
      if (isNew && jobs === 1)
        kept.push(device.open().then(({ info }) => keepRate(info.name, event.summary)));
    };
    const options = { runs, kind, settings: ready.measure, out, command, commit, onEvent, interruption };
    await (jobs === 1 ? runInOrder(options, device.open) : runInParallel(options, jobs));
    await Promise.all(kept);
    return record;
  } finally {
    progress.end();
    await device.close();
  }
}

async function compare(this: void, flags: Flags): Promise<void> {
  const { study, name } = chooseStudy(flags);
  const kind = kindOf(study);
  const out = flags.out ?? join('runs', name);
  // Folders that cannot be made are told before the work, not behind it.
  if (!flags.dryRun) {
    if (flags.pictures !== undefined) makeFolder(flags.pictures);
    makeFolder(out);
  }
  const { title, recipe, seeds, variants } = study;
  const names = variants.map((each) => each.name);
  say(
    `${title}: ${names.join(', ')}; seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}; at most ${describeBudget(recipe)} each.`,
  );
  if (flags.dryRun) return tryOut(study, kind, out, flags.jobs);
  say(`Runs are kept in ${out}; after an interruption the same command resumes.`);
  const record = await makeRuns(study, kind, out, flags.jobs);

  const { report, conclusion } = await conclude(
    kind,
    finishedStudy(out, new StudyFolder(out).record() ?? record),
  );
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
      .slice(2)
      .filter((arg, at, all) => !/^--seeds?(=|$)/.test(arg) && all[at - 1] !== '--seeds');
    process.stdout.write(
      `One seed is an anecdote. The full study: ${commandLine([...rest, '--seeds', '0,1,2'])}\n`,
    );
  }
}

export const compareCommand = buildCommand<Flags>({
  func: compare,
  docs: {
    brief: 'Train objectives on a recipe, or the variants of a study, and compare them',
    fullDescription:
      'Trains every objective, or every variant of a study, with every seed, one after the other, and ends with a table, summary.json and report.html. Finished runs are skipped and interrupted ones resume. Any setting of the recipe can be given as a flag of its name: --steps 200, --mutor.maxOffset=1, --learningRate 1e-3. See docs/studies.md.',
  },
  parameters: {
    flags: {
      task: optionalText('NAME', 'What ships for a task: star-graph, images, stories, ...'),
      study: optionalText('NAME', 'Study: a YAML or JSON file, or a name of "foretoken studies"'),
      data: optionalText(
        'DIR',
        'Folder of the data sets of a study [default = the current one, else the data folder]',
      ),
      recipe: optionalText('NAME', 'Recipe: see "foretoken recipes" [default = star-graph]'),
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
      out: optionalText('DIR', 'Folder of the runs [default = runs/RECIPE-SETTINGS or runs/STUDY-SETTINGS]'),
      pictures: optionalText('DIR', 'Folder to write the plots of the report to, as SVG and PNG'),
      set: optionalTexts('KEY=VALUE', 'Override a setting: key=value'),
      jobs: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, MOST_JOBS),
        default: '1',
        brief: 'Runs at a time, each in its own process',
      },
      dryRun: {
        kind: 'boolean',
        default: false,
        brief: 'Say what would be trained, what it costs and how long it takes; write nothing',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON document on standard output' },
    },
  },
});
