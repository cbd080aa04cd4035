import { resolveSettings } from '@foretoken/objectives';
import type { RunRecord, RunSummary, TrainEvent } from './events.js';
import { startFolder } from './model-source.js';
import { phasesOf } from './phases.js';
import { dataFingerprints, FINGERPRINTS_VERSION, modelFingerprints } from './run/fingerprints.js';
import { RunFolder } from './run/run-folder.js';
import type { MetricsSink } from './sink.js';
import { taskOf } from './task-kinds.js';
import type { TrainOptions } from './train-options.js';
import { TrainingLoop } from './training-loop.js';
import { packageVersions } from './versions.js';

async function recordOf(options: TrainOptions): Promise<RunRecord> {
  const { device, recipe, objective, seed, command, commit } = options;
  const { objectives } = taskOf(recipe).kind;
  const begin = await startFolder(recipe.model);
  return {
    recipe,
    objective,
    settings: resolveSettings(objective, recipe.objectives[objective] ?? {}, objectives),
    seed,
    adapter: { name: device.info.name, software: device.info.software },
    versions: packageVersions(),
    data: await dataFingerprints(recipe),
    ...(begin === undefined ? {} : { model: await modelFingerprints(begin) }),
    fingerprints: FINGERPRINTS_VERSION,
    startedAt: Date.now(),
    ...(command === undefined ? {} : { command }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/**
 * Trains one objective on a recipe, and yields what happens. All state is in the run folder: whenever the process
 * ends, calling it again goes on, and ends with the same parameters, bit for bit, as if it had never ended.
 *
 * Evaluations, and the choice of the best checkpoint, use the validation split. The test split is asked once, at the end,
 * and only for `evaluation.finalQuestions`.
 *
 * @throws RunFolderError when the folder holds another run, is in use, or cannot be written; TrainingError when loss or
 *   gradient is not a number; errors of data, tokenizers and checkpoints in one line
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, RunSummary> {
  const { sinks = [] } = options;
  try {
    return yield* heardBy(sinks, trainInFolder(options));
  } finally {
    for (const sink of sinks) await sink.close();
  }
}

/** Hands events to sinks, then on. */
async function* heardBy(
  sinks: readonly MetricsSink[],
  events: AsyncGenerator<TrainEvent, RunSummary>,
): AsyncGenerator<TrainEvent, RunSummary> {
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
      // Sinks hear what is logged.
      if (value.type !== 'phase') for (const sink of sinks) await sink.write(value);
      yield value;
    }
  } finally {
    // Where the caller stops listening, the folder must be given back.
    await events.return(undefined as never);
  }
}

async function* trainInFolder(options: TrainOptions): AsyncGenerator<TrainEvent, RunSummary> {
  const folder = new RunFolder(options.folder);
  const record = await recordOf(options);
  options.signal?.throwIfAborted();
  const release = folder.open(record);
  let beginning: Promise<TrainingLoop> | undefined;
  try {
    const finished = folder.summary();
    if (finished !== undefined) {
      yield { type: 'done', summary: finished };
      return finished;
    }
    const loop = yield* phasesOf((onPhase) => {
      beginning = TrainingLoop.begin(options, folder, onPhase);
      return beginning;
    });
    options.signal?.throwIfAborted();
    return yield* loop.run();
  } finally {
    const loop = await beginning?.catch(() => undefined);
    loop?.dispose();
    release();
    if (loop === undefined) folder.abandon();
  }
}
