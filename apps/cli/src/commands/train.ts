import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { quote } from '@foretoken/input';
import { findObjective } from '@foretoken/objectives';
import type { Device } from '@foretoken/tensor';
import {
  describeBudget,
  type MetricsSink,
  overrideRecipe,
  type Recipe,
  type RunSummary,
  Session,
  type StartEvent,
  TensorBoardSink,
  toJson,
  train,
  WandbSink,
} from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { openTunedDevice, openUntunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { optionalText, optionalTexts, seedNumber } from '../flags.js';
import { formatShare } from '../format.js';
import { describePlan } from '../plan/estimate.js';
import { heldBytes, timeSteps } from '../plan/measure.js';
import { ratesOf } from '../plan/plan-runs.js';
import { keepRate, Rates } from '../plan/rates.js';
import { Progress } from '../progress/progress.js';
import { runName } from '../run-name.js';
import { startingRecipe } from '../settings.js';
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
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** A sink by its name, or the one that a module makes: its default export is a function of the folder of the run. */
async function loadSink(path: string, folder: string): Promise<MetricsSink> {
  if (path === 'wandb') return WandbSink.open(folder);
  // A device or a pipe may never end.
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(
      `--sink ${quote(path)}: there is no such file; expected wandb, or a JavaScript module.`,
    );
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

/** A run that the flags ask for. */
interface Chosen {
  readonly recipe: Recipe;
  readonly objective: string;
  readonly seed: number;
  readonly folder: string;
}

function choose(flags: Flags): Chosen {
  const shipped = startingRecipe(flags);
  const recipe = overrideRecipe(shipped, flags.set ?? []);
  const objective = findObjective(flags.objective ?? recipe.objective ?? 'mutor').name;
  const seed = flags.seed ?? recipe.seed ?? 0;
  const folder = flags.out ?? join('runs', runName(recipe.name, shipped, recipe), `${objective}-seed${seed}`);
  return { recipe, objective, seed, folder };
}

const titleOf = ({ recipe, objective, seed }: Chosen): string =>
  `${recipe.title}: ${objective}, seed ${seed}; at most ${describeBudget(recipe)}.`;

/** Says what would be trained, and writes nothing. */
async function tryOut(chosen: Chosen): Promise<void> {
  const { recipe, objective, seed } = chosen;
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(titleOf(chosen));
  const device = await openUntunedDevice();
  try {
    const session = await Session.create(device, recipe, objective, seed);
    try {
      const { steps, parameterCount: parameters } = session;
      const { flops: flopsPerStep } = session.cost();
      const held = heldBytes(device.memory().liveBytes, parameters);
      for (const line of session.work.reports) say(line);
      const timed = await timeSteps(session);
      const plan = {
        costs: [{ runs: 1, steps, parameters, flopsPerStep }],
        memory: { bytes: timed?.peakBytes ?? held, isMeasured: timed !== undefined },
        ...ratesOf(await Rates.open(device.info.name), timed),
        jobs: 1,
      };
      for (const line of describePlan(plan)) say(line);
    } finally {
      session.dispose();
    }
  } finally {
    device.close();
  }
}

/** What a run is about to do, by how fast others were on this adapter. */
async function planLines({ steps, parameters, flopsPerStep }: StartEvent, device: Device): Promise<string[]> {
  return describePlan({
    costs: [{ runs: 1, steps, parameters, flopsPerStep }],
    memory: { bytes: heldBytes(device.memory().liveBytes, parameters), isMeasured: false },
    ...ratesOf(await Rates.open(device.info.name), undefined),
    jobs: 1,
  });
}

async function trainOne(this: void, flags: Flags): Promise<void> {
  const chosen = choose(flags);
  if (flags.dryRun) return tryOut(chosen);
  const { recipe, objective, seed, folder } = chosen;
  const commit = currentCommit();
  const { signal } = watchSignals();
  const sinks = [
    ...(flags.tensorboard ? [new TensorBoardSink(join(folder, 'tensorboard'))] : []),
    ...(await Promise.all((flags.sink ?? []).map((path) => loadSink(path, folder)))),
  ];
  const device = await openTunedDevice();
  const progress = new Progress([{ label: `${objective} seed ${seed}`, steps: recipe.steps }]);
  let isNew = false;
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
        isNew = event.step === 0;
        progress.tell(
          `${titleOf(chosen)} The run is kept in ${folder}; after an interruption the same command resumes.`,
        );
        for (const line of [...(await planLines(event, device)), ...event.reports]) progress.tell(line);
        if (event.reports.length > 0)
          progress.tell('Evaluations use the validation split; the test split is never used to choose.');
      }
      progress.update(0, event);
      if (event.type !== 'done') continue;
      progress.end();
      if (isNew) await keepRate(device.info.name, event.summary);
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
      'Trains one objective with one seed: a recipe that ships, or one in a YAML or JSON file. A run that was interrupted resumes; a finished one prints its summary again. Any setting can be given as a flag of its name: --steps 200, --optimizer.learningRate 1e-4, --task.files.train FILE. See docs/fine-tuning.md.',
  },
  parameters: {
    flags: {
      recipe: optionalText(
        'NAME',
        'Recipe: a YAML or JSON file, or a name of "foretoken recipes" [default = star-graph]',
      ),
      task: optionalText('NAME', 'Instead: the recipe that ships for a task, mnist for instance'),
      objective: optionalText(
        'NAME',
        'Objective: see "foretoken objectives" [default = that of the recipe, else mutor]',
      ),
      seed: {
        kind: 'parsed',
        placeholder: 'N',
        parse: seedNumber,
        optional: true,
        brief: 'Seed [default = that of the recipe, else 0]',
      },
      out: optionalText('DIR', 'Folder of the run [default = runs/RECIPE-SETTINGS/OBJECTIVE-seedN]'),
      set: optionalTexts('KEY=VALUE', 'Override a setting: key=value'),
      tensorboard: {
        kind: 'boolean',
        default: true,
        brief: 'Write event files for TensorBoard into OUT/tensorboard',
      },
      sink: optionalTexts(
        'NAME',
        'Where metrics go as well: wandb, or a JavaScript module that makes a sink, see docs/fine-tuning.md',
      ),
      dryRun: {
        kind: 'boolean',
        default: false,
        brief: 'Say what would be trained, what it costs and how long it takes; write nothing',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the summary as JSON' },
    },
  },
});
