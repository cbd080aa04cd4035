import { findObjective, resolveSettings } from '@foretoken/objectives';
import type { Device } from '@foretoken/tensor';
import { TrainingError } from './errors.js';
import { type Evaluation, Evaluator } from './evaluate.js';
import type { EvaluationEvent, MetricsEvent, RunRecord, RunSummary, TrainEvent } from './events.js';
import { inFlight } from './in-flight.js';
import type { Recipe } from './recipe.js';
import { type Progress, RunFolder } from './run-folder.js';
import { Session } from './session.js';
import { packageVersions } from './versions.js';

/** Updates that are submitted before the figures of the first of them are waited for. */
const IN_FLIGHT = 4;
/** Answers that a summary keeps, for drawing. */
const KEPT_ANSWERS = 8;

export interface TrainOptions {
  readonly device: Device;
  readonly recipe: Recipe;
  /** Name of an objective. */
  readonly objective: string;
  readonly seed: number;
  /** The run folder. A run that was interrupted goes on; a finished one gives its summary again. */
  readonly folder: string;
  /** Recorded in `config.json`. */
  readonly command?: string;
  readonly commit?: string;
  /** Ends training after a checkpoint; the generator then throws the reason of the signal. */
  readonly signal?: AbortSignal;
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

function recordOf({ device, recipe, objective, seed, command, commit }: TrainOptions): RunRecord {
  findObjective(objective);
  return {
    recipe,
    objective,
    settings: resolveSettings(objective, recipe.objectives[objective] ?? {}),
    seed,
    adapter: { name: device.info.name, software: device.info.software },
    versions: packageVersions(),
    ...(command === undefined ? {} : { command }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/**
 * Trains one objective on a recipe, and yields what happens. All state is in the run folder: whenever the process
 * ends, calling it again goes on, and ends with the same parameters, bit for bit, as if it had never ended.
 *
 * @throws RunFolderError when the folder holds another run or is in use, TrainingError when the loss is not a number
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, RunSummary> {
  const folder = new RunFolder(options.folder);
  const release = folder.open(recordOf(options));
  let loop: TrainingLoop | undefined;
  try {
    const finished = folder.summary();
    if (finished !== undefined) {
      yield { type: 'done', summary: finished };
      return finished;
    }
    loop = new TrainingLoop(options, folder);
    return yield* loop.run();
  } finally {
    loop?.dispose();
    release();
  }
}

/** One process's work on a run. */
class TrainingLoop {
  readonly #session: Session;
  readonly #evaluator: Evaluator;
  readonly #cost: { flops: number; tokens: number };
  #step = 0;
  #trainSeconds = 0;
  #seconds = 0;
  #solvedAtStep: number | null = null;

  constructor(
    readonly options: TrainOptions,
    readonly folder: RunFolder,
  ) {
    const { device, recipe, objective, seed } = options;
    this.#session = new Session(device, recipe, objective, seed);
    this.#evaluator = new Evaluator(device, this.#session.task, this.#session.model, this.#session.objective);
    this.#cost = this.#session.cost();
    this.#resume();
  }

  #resume(): void {
    // The kernels of the processes before this one: whatever has been measured since.
    this.options.device.tuner.choices.load(this.folder.choices());
    const checkpoint = this.folder.load();
    this.folder.cutLog(checkpoint?.progress.logBytes ?? 0);
    if (checkpoint === undefined) return;
    this.#session.restore(checkpoint.tensors);
    const { step, trainSeconds, seconds, solvedAtStep } = checkpoint.progress;
    this.#step = step;
    this.#trainSeconds = trainSeconds;
    this.#seconds = seconds;
    this.#solvedAtStep = solvedAtStep;
  }

  async *run(): AsyncGenerator<TrainEvent, RunSummary> {
    const { recipe } = this.options;
    yield {
      type: 'start',
      step: this.#step,
      parameters: this.#session.parameterCount,
      extraParameters: this.#session.extraParameters,
      flopsPerStep: this.#cost.flops,
      tokensPerStep: this.#cost.tokens,
    };
    if (this.#step < recipe.steps && this.#solvedAtStep === null)
      await this.#timed(() => this.#session.warmUp());
    while (this.#step < recipe.steps && this.#solvedAtStep === null) {
      const next = Math.min(
        recipe.steps,
        this.#step + recipe.evaluation.every - (this.#step % recipe.evaluation.every),
      );
      yield* this.#updatesUntil(next);
      const interrupted = this.options.signal?.aborted === true && this.#step < next;
      if (!interrupted) yield await this.#evaluate();
      await this.#save();
      yield { type: 'checkpoint', step: this.#step };
      this.options.signal?.throwIfAborted();
    }
    const summary = await this.#finish();
    yield { type: 'done', summary };
    return summary;
  }

  /** Runs updates up to number `end`; stops early on the signal. */
  async *#updatesUntil(end: number): AsyncGenerator<MetricsEvent> {
    const start = performance.now();
    const [before, trainBefore] = [this.#seconds, this.#trainSeconds];
    let read = this.#step;
    const updates = inFlight(
      () => this.#session.update(this.#step++).figures.data(),
      () => this.#step < end && this.options.signal?.aborted !== true,
      IN_FLIGHT,
    );
    for await (const figures of updates) {
      this.#seconds = before + secondsSince(start);
      this.#trainSeconds = trainBefore + secondsSince(start);
      const event = this.#metrics(read++, figures as Float32Array);
      if (event) yield event;
    }
  }

  /** The line of the log for update `step`, if it gets one. */
  #metrics(step: number, figures: Float32Array): MetricsEvent | undefined {
    const [loss, gradientNorm, ...parts] = figures as unknown as number[] as [number, number, ...number[]];
    const made = step + 1;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new TrainingError(
        `${this.options.objective}, seed ${this.options.seed}: the loss is ${loss} and the gradient norm ${gradientNorm} at step ${made}. Lower optimizer.learningRate.`,
      );
    }
    if (made % this.options.recipe.logEvery !== 0 && made !== this.options.recipe.steps) return undefined;
    const event: MetricsEvent = {
      type: 'metrics',
      step: made,
      loss,
      parts: Object.fromEntries(this.#session.partNames.map((name, at) => [name, parts[at] as number])),
      gradientNorm,
      learningRate: this.#session.schedule(step),
      flops: made * this.#cost.flops,
      seconds: this.#seconds,
      tokensPerSecond: (made * this.#cost.tokens) / this.#trainSeconds,
    };
    this.folder.append(event);
    return event;
  }

  async #timed<Result>(work: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    const result = await work();
    this.#seconds += secondsSince(start);
    return result;
  }

  async #evaluate(): Promise<EvaluationEvent> {
    const { questions, solved } = this.options.recipe.evaluation;
    const { score } = await this.#timed(() => this.#evaluator.evaluate('validation', questions));
    if ((score.mean['exactMatch'] as number) >= solved) this.#solvedAtStep = this.#step;
    const event: EvaluationEvent = {
      type: 'evaluation',
      step: this.#step,
      flops: this.#step * this.#cost.flops,
      seconds: this.#seconds,
      scores: score.mean,
    };
    this.folder.append(event);
    return event;
  }

  async #save(): Promise<void> {
    const progress: Progress = {
      step: this.#step,
      trainSeconds: this.#trainSeconds,
      seconds: this.#seconds,
      logBytes: this.folder.logBytes(),
      solvedAtStep: this.#solvedAtStep,
    };
    this.folder.keepChoices(this.options.device.tuner.choices.used());
    this.folder.save({ tensors: await this.#session.save(), progress });
  }

  async #finish(): Promise<RunSummary> {
    const { recipe, objective, seed } = this.options;
    const { finalQuestions } = recipe.evaluation;
    const { score, answers }: Evaluation = await this.#timed(() =>
      this.#evaluator.evaluate('test', finalQuestions),
    );
    const tokens = this.#step * this.#cost.tokens;
    const summary: RunSummary = {
      objective,
      seed,
      exactMatch: score.mean['exactMatch'] as number,
      firstHop: score.mean['firstHop'] as number,
      chance: this.#session.task.metrics[0]?.chance ?? 0,
      solvedAtStep: this.#solvedAtStep,
      steps: this.#step,
      flops: this.#step * this.#cost.flops,
      tokens,
      seconds: this.#seconds,
      tokensPerSecond: this.#trainSeconds > 0 ? tokens / this.#trainSeconds : 0,
      parameters: this.#session.parameterCount,
      extraParameters: this.#session.extraParameters,
      finalQuestions,
      answers: answers.slice(0, KEPT_ANSWERS),
    };
    this.folder.finish(summary);
    return summary;
  }

  dispose(): void {
    this.#evaluator.dispose();
    this.#session.dispose();
  }
}
