import { join } from 'node:path';
import { findObjective } from '@foretoken/objectives';
import { toJson, train } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { openTunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { formatShare } from '../format.js';
import { Progress } from '../progress.js';
import { chooseRecipe, parseSeeds } from '../settings.js';
import { interruptSignal } from '../signals.js';

interface Flags {
  readonly recipe: string;
  readonly objective: string;
  readonly seed: number;
  readonly out?: string;
  readonly set?: readonly string[];
  readonly json: boolean;
}

function parseSeed(text: string): number {
  const [seed, ...others] = parseSeeds(text);
  if (seed === undefined || others.length > 0) throw new UsageError(`--seed ${text}: expected one seed.`);
  return seed;
}

async function trainOne(this: void, flags: Flags): Promise<void> {
  const recipe = chooseRecipe(flags.recipe, flags.set ?? []);
  const objective = findObjective(flags.objective).name;
  const folder = flags.out ?? join('runs', recipe.name, `${objective}-seed${flags.seed}`);
  const progress = new Progress([`${objective} seed ${flags.seed}`], recipe.steps);
  const commit = currentCommit();
  process.stderr.write(
    `${recipe.title}: ${objective}, seed ${flags.seed}; at most ${recipe.steps} steps. The run is kept in ${folder}; after an interruption the same command goes on.\n`,
  );
  const signal = interruptSignal();
  const device = await openTunedDevice();
  try {
    const { seed } = flags;
    const events = train({
      device,
      recipe,
      objective,
      seed,
      folder,
      command: commandLine(),
      signal,
      ...(commit ? { commit } : {}),
    });
    for await (const event of events) {
      progress.update(0, event);
      if (event.type !== 'done') continue;
      progress.end();
      const { summary } = event;
      process.stdout.write(
        flags.json
          ? toJson(summary)
          : `exact match ${formatShare(summary.exactMatch)}, first hop ${formatShare(summary.firstHop)} on ${summary.finalQuestions} fresh graphs after ${summary.steps} steps. Run: ${folder}\n`,
      );
    }
  } finally {
    progress.end();
    device.close();
  }
}

export const trainCommand = buildCommand<Flags>({
  func: trainOne,
  docs: {
    brief: 'Train one objective with one seed',
    fullDescription: 'One run of a comparison by itself. An interrupted run goes on.',
  },
  parameters: {
    flags: {
      recipe: {
        kind: 'parsed',
        parse: String,
        default: 'star-graph',
        brief: 'Recipe: see "foretoken recipes"',
      },
      objective: {
        kind: 'parsed',
        parse: String,
        default: 'mutor',
        brief: 'Objective: see "foretoken objectives"',
      },
      seed: { kind: 'parsed', parse: parseSeed, default: '0', brief: 'Seed' },
      out: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder of the run [default = runs/RECIPE/OBJECTIVE-seedN]',
      },
      set: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief: 'Override a setting: key=value',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' },
    },
  },
});
