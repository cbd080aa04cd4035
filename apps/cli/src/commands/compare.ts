import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describeBudget, type Recipe, toJson, writeAtomic } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { UsageError } from '../errors.js';
import { type Cell, runInOrder, runInParallel } from '../grid.js';
import { Progress } from '../progress.js';
import { writeReport } from '../report/report.js';
import { chooseRecipe, parseObjectives, parseSeeds } from '../settings.js';
import { interruptSignal } from '../signals.js';
import { comparisonTable, finishedRun, summarize } from '../summary.js';

interface Flags {
  readonly recipe: string;
  readonly objectives: string[];
  readonly seeds: number[];
  readonly out?: string;
  readonly set?: readonly string[];
  readonly jobs: number;
  readonly json: boolean;
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new UsageError(`--jobs ${text}: expected a whole number of at least 1.`);
  return jobs;
}

/** @throws UsageError for a recipe whose runs have no exact match to be compared by */
function solvedShare({ name, task, evaluation }: Recipe): number {
  const { kind = 'star-graph' } = task;
  if (kind === 'star-graph' && evaluation.solved !== undefined) return evaluation.solved;
  throw new UsageError(
    `compare: recipe ${name} is of ${String(kind)}; comparisons are of star graphs that are solved (evaluation.solved). Use "foretoken train" for each objective.`,
  );
}

async function compare(this: void, flags: Flags): Promise<void> {
  const recipe = chooseRecipe(flags.recipe, flags.set ?? []);
  const solved = solvedShare(recipe);
  const out = flags.out ?? join('runs', recipe.name);
  const cells: Cell[] = flags.seeds.flatMap((seed) =>
    flags.objectives.map((objective) => ({ objective, seed })),
  );
  mkdirSync(out, { recursive: true });
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(
    `${recipe.title}: ${flags.objectives.join(', ')}; seed${flags.seeds.length > 1 ? 's' : ''} ${flags.seeds.join(', ')}; at most ${describeBudget(recipe)} each.`,
  );
  say(`Runs are kept in ${out}; after an interruption the same command goes on.`);

  const progress = new Progress(
    cells.map(({ objective, seed }) => `${objective} seed ${seed}`),
    recipe.steps,
  );
  const command = commandLine();
  const options = {
    recipe,
    cells,
    out,
    command,
    commit: currentCommit(),
    progress,
    signal: interruptSignal(),
  };
  try {
    await (flags.jobs === 1 ? runInOrder(options) : runInParallel(options, flags.jobs));
  } finally {
    progress.end();
  }

  const runs = cells.flatMap(({ objective, seed }) => finishedRun(out, objective, seed) ?? []);
  // Objectives in the order they were asked for, whichever seed ended first.
  const ordered = flags.objectives.flatMap((name) =>
    runs.filter(({ summary }) => summary.objective === name),
  );
  const summary = summarize(recipe, command, ordered);
  writeAtomic(join(out, 'summary.json'), toJson(summary));
  const report = await writeReport(out, summary);
  if (flags.json) {
    process.stdout.write(toJson(summary));
    return;
  }
  process.stdout.write(`\n${comparisonTable(summary)}\n\n`);
  process.stdout.write(
    `Guessing the arm gives ${(100 * summary.chance).toFixed(0)}%. Final figures are on ${recipe.evaluation.finalQuestions} fresh graphs; a run stops when ${(100 * solved).toFixed(0)}% of ${recipe.evaluation.questions} held-out graphs are solved, the same rule for all.\n`,
  );
  process.stdout.write(`Report: ${relative(process.cwd(), report) || report}\n`);
  if (flags.seeds.length === 1) {
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
    brief: 'Train objectives on a recipe and compare them',
    fullDescription:
      'Trains every objective with every seed, one after the other, and ends with a table, summary.json and report.html. Finished runs are skipped and interrupted ones go on. Any setting of the recipe can be given as a flag of its name: --steps 200, --mutor.maxOffset=1, --learningRate 1e-3.',
  },
  parameters: {
    flags: {
      recipe: {
        kind: 'parsed',
        parse: String,
        default: 'star-graph',
        brief: 'Recipe: see "foretoken recipes"',
      },
      objectives: {
        kind: 'parsed',
        parse: parseObjectives,
        default: 'ntp,mtp,teacherless,mutor',
        brief: 'Objectives, separated by commas',
      },
      seeds: { kind: 'parsed', parse: parseSeeds, default: '0', brief: 'Seeds: 0,1,2 or 0-4' },
      out: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder of the runs [default = runs/RECIPE]',
      },
      set: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief: 'Override a setting: key=value',
      },
      jobs: {
        kind: 'parsed',
        parse: parseJobs,
        default: '1',
        brief: 'Runs at a time, each in its own process',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON document on standard output' },
    },
  },
});
