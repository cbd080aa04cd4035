import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findObjective } from '@foretoken/objectives';
import {
  describeBudget,
  type MetricsSink,
  overrideRecipe,
  type RunSummary,
  TensorBoardSink,
  toJson,
  train,
  WandbSink,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { openTunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { formatShare } from '../format.js';
import { Progress } from '../progress.js';
import { runName } from '../run-name.js';
import { parseSeeds, startingRecipe } from '../settings.js';
import { watchSignals } from '../signals.js';

interface Flags {
  readonly recipe?: string;
  readonly task?: string;
  readonly objective?: string;
  readonly seed?: number;
  readonly out?: string;
  readonly set?: readonly string[];
  readonly sink?: readonly string[];
  readonly tensorboard: boolean;
  readonly json: boolean;
}

function parseSeed(text: string): number {
  const [seed, ...others] = parseSeeds(text);
  if (seed === undefined || others.length > 0) throw new UsageError(`--seed ${text}: expected one seed.`);
  return seed;
}

/** A sink by its name, or the one that a module makes: its default export is a function of the folder of the run. */
async function loadSink(path: string, folder: string): Promise<MetricsSink> {
  if (path === 'wandb') return WandbSink.open(folder);
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
  } catch (cause) {
    throw new UsageError(`--sink ${path}: cannot be loaded: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
    });
  }
  if (typeof module.default !== 'function') {
    throw new UsageError(`--sink ${path}: expected a default export that is a function and makes a sink.`);
  }
  return (await (module.default as (folder: string) => unknown)(folder)) as MetricsSink;
}

/** What a run came to, in a line. */
function outcome(summary: RunSummary, folder: string): string {
  const { scores, finalQuestions, steps, modelStep, validationLoss, model } = summary;
  const figures = Object.entries(scores).map(([name, mean]) => `${name} ${formatShare(mean)}`);
  const parts = [
    ...(figures.length > 0 ? [`${figures.join(', ')} on ${finalQuestions} test questions`] : []),
    ...(validationLoss === null ? [] : [`validation loss ${validationLoss.toFixed(4)} at step ${modelStep}`]),
  ];
  const saved = model === null ? '' : ` Model of step ${modelStep}: ${join(folder, model)}.`;
  const early = summary.endedBy === 'patience' ? ', ended early: no evaluation was better' : '';
  const written = (summary.samples ?? []).map(({ prompt, text }) => `${prompt}${text}\n\n`).join('');
  return `${written}${parts.length > 0 ? `${parts.join('; ')}; ` : ''}${steps} steps${early}.${saved} Run: ${folder}\n`;
}

async function trainOne(this: void, flags: Flags): Promise<void> {
  const shipped = startingRecipe(flags);
  const recipe = overrideRecipe(shipped, flags.set ?? []);
  const objective = findObjective(flags.objective ?? recipe.objective ?? 'mutor').name;
  const seed = flags.seed ?? recipe.seed ?? 0;
  const folder = flags.out ?? join('runs', runName(recipe.name, shipped, recipe), `${objective}-seed${seed}`);
  const progress = new Progress([{ label: `${objective} seed ${seed}`, steps: recipe.steps }]);
  const commit = currentCommit();
  const { signal } = watchSignals();
  const sinks = [
    ...(flags.tensorboard ? [new TensorBoardSink(join(folder, 'tensorboard'))] : []),
    ...(await Promise.all((flags.sink ?? []).map((path) => loadSink(path, folder)))),
  ];
  const device = await openTunedDevice();
  try {
    const events = train({
      device,
      recipe,
      objective,
      seed,
      folder,
      command: commandLine(),
      signal,
      sinks,
      ...(commit ? { commit } : {}),
    });
    for await (const event of events) {
      if (event.type === 'start') {
        process.stderr.write(
          `${recipe.title}: ${objective}, seed ${seed}; at most ${describeBudget(recipe)}. The run is kept in ${folder}; after an interruption the same command goes on.\n`,
        );
        for (const line of event.reports) process.stderr.write(`${line}\n`);
        if (event.reports.length > 0)
          process.stderr.write(
            'Evaluations use the validation split; the test split is never used to choose.\n',
          );
      }
      progress.update(0, event);
      if (event.type !== 'done') continue;
      progress.end();
      process.stdout.write(flags.json ? toJson(event.summary) : outcome(event.summary, folder));
    }
  } finally {
    progress.end();
    device.close();
  }
}

export const trainCommand = buildCommand<Flags>({
  func: trainOne,
  docs: {
    brief: 'Train or fine-tune a model by a recipe',
    fullDescription:
      'Trains one objective with one seed: a recipe that ships, or one in a YAML or JSON file. A run that was interrupted goes on where it was; a finished one prints its summary again. Any setting can be given as a flag of its name: --steps 200, --optimizer.learningRate 1e-4, --task.files.train FILE. See docs/fine-tuning.md.',
  },
  parameters: {
    flags: {
      recipe: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Recipe: a YAML or JSON file, or a name of "foretoken recipes" [default = star-graph]',
      },
      task: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Instead: the recipe that ships for a task, mnist for instance',
      },
      objective: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Objective: see "foretoken objectives" [default = that of the recipe, else mutor]',
      },
      seed: {
        kind: 'parsed',
        parse: parseSeed,
        optional: true,
        brief: 'Seed [default = that of the recipe, else 0]',
      },
      out: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Folder of the run [default = runs/RECIPE-SETTINGS/OBJECTIVE-seedN]',
      },
      set: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief: 'Override a setting: key=value',
      },
      tensorboard: {
        kind: 'boolean',
        default: true,
        brief: 'Write event files for TensorBoard into OUT/tensorboard',
      },
      sink: {
        kind: 'parsed',
        parse: String,
        optional: true,
        variadic: true,
        brief:
          'Where metrics go as well: wandb, or a JavaScript module that makes a sink, see docs/fine-tuning.md',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' },
    },
  },
});
