import type { Evaluation } from './evaluate.js';
import { type EvaluationPlan, planEvaluations } from './evaluation-plan.js';
import type {
  EvaluationEvent,
  FailureEvent,
  MetricsEvent,
  OnPhase,
  PhaseEvent,
  RunSummary,
  SampleEvent,
  TextSample,
  TrainEvent,
  WorkControl,
} from './events.js';
import { keepFailure, trainingError } from './failure.js';
import { inFlight } from './in-flight.js';
import { phasesOf } from './phases.js';
import { restoreKernels } from './run/kernel-choices.js';
import { MODEL_FOLDER, type RunFolder } from './run/run-folder.js';
import { RunStanding, secondsSince } from './run-standing.js';
import type { Sampler } from './samples.js';
import { Session } from './session.js';
import type { TrainOptions } from './train-options.js';
import type { HeldOutLoss, QuestionEvaluator, StepCost } from './workload.js';

/** Updates that are submitted before the figures of the first of them are waited for. */
const IN_FLIGHT = 4;
/** Answers that a summary keeps, for drawing. */
const KEPT_ANSWERS = 8;

/** One process's work on a run. */
export class TrainingLoop {
  readonly #evaluator: QuestionEvaluator;
  readonly #validation: HeldOutLoss;
  readonly #sampler: Sampler | undefined;
  readonly #plan: EvaluationPlan;
  readonly #standing = new RunStanding();
  #warnings: readonly string[] = [];

  /** Loads model and data, and takes up the run where its last checkpoint left it. */
  static async begin(options: TrainOptions, folder: RunFolder, onPhase?: OnPhase): Promise<TrainingLoop> {
    const { device, recipe, objective, seed } = options;
    const session = await Session.create(device, recipe, objective, seed, onPhase);
    try {
      return new TrainingLoop(options, folder, session);
    } catch (error) {
      session.dispose();
      throw error;
    }
  }

  private constructor(
    readonly options: TrainOptions,
    readonly folder: RunFolder,
    readonly session: Session,
  ) {
    const { recipe } = options;
    this.#plan = planEvaluations(recipe, session.work.task);
    this.#evaluator = session.work.evaluator();
    this.#validation = session.work.heldOutLoss(recipe.batch / recipe.optimizer.accumulate);
    this.#sampler = recipe.samples && session.work.sampler?.(recipe.samples, options.seed);
    this.#resume();
  }

  #resume(): void {
    const { recipe } = this.options;
    const { checkpoint, warnings } = this.folder.resume(this.session.steps, recipe.evaluation.every);
    this.#warnings = [...warnings, ...restoreKernels(this.options.device, this.folder, checkpoint)];
    this.folder.cutLog(checkpoint?.progress.logBytes ?? 0);
    if (checkpoint === undefined) return;
    this.session.restore(checkpoint.tensors);
    this.#standing.resume(checkpoint.progress, this.session.cost());
  }

  async *run(): AsyncGenerator<TrainEvent, RunSummary> {
    const standing = this.#standing;
    const { every } = this.options.recipe.evaluation;
    const { steps } = this.session;
    const { flops, tokens } = this.session.cost();
    yield {
      type: 'start',
      step: standing.step,
      steps,
      parameters: this.session.parameterCount,
      extraParameters: this.session.extraParameters,
      flopsPerStep: flops,
      tokensPerStep: tokens,
      reports: this.session.work.reports,
    };
    for (const message of this.#warnings) yield { type: 'warning', step: standing.step, message };
    const { signal } = this.options;
    if (this.#endedBy() === undefined) {
      yield* phasesOf((onPhase) => standing.timed(() => this.session.warmUp({ signal, onPhase })));
      signal?.throwIfAborted();
      // A process that dies before the first checkpoint must not leave the choice to other measurements.
      this.folder.keepChoices(this.options.device.tuner.choices.used());
    }
    // Where a run begins is what its validation loss is compared with.
    if (standing.step === 0 && this.#plan.lossExamples > 0) yield* this.#evaluate();
    while (standing.evaluationDue || this.#endedBy() === undefined) {
      if (!standing.evaluationDue) {
        const next = Math.min(steps, standing.step + every - (standing.step % every));
        yield* this.#updatesUntil(next);
        standing.evaluationDue = standing.step === next;
      }
      if (standing.evaluationDue && signal?.aborted !== true) yield* this.#evaluateUnlessStopped();
      // Before the first update there is nothing that another process would not make again.
      if (standing.step > 0) {
        await this.#save();
        yield { type: 'checkpoint', step: standing.step };
      }
      signal?.throwIfAborted();
    }
    const summary = yield* phasesOf((onPhase) => this.#finish(onPhase));
    yield { type: 'done', summary };
    return summary;
  }

  /** Why there are no further updates; undefined while there are. */
  #endedBy(): RunSummary['endedBy'] {
    return this.#standing.endedBy(this.options.recipe.evaluation, this.session.steps);
  }

  /** Runs updates up to number `end`; stops early on the signal. */
  async *#updatesUntil(end: number): AsyncGenerator<MetricsEvent | FailureEvent> {
    const standing = this.#standing;
    const start = performance.now();
    const [before, trainBefore] = [standing.seconds, standing.trainSeconds];
    let read = standing.step;
    const submit = async (): Promise<readonly [ArrayLike<number>, StepCost]> => {
      const { figures, cost } = this.session.update(standing.step++);
      return [(await figures.data()) as Float32Array, cost];
    };
    const updates = inFlight(
      submit,
      () => standing.step < end && this.options.signal?.aborted !== true,
      IN_FLIGHT,
    );
    for await (const [figures, cost] of updates) {
      standing.seconds = before + secondsSince(start);
      standing.trainSeconds = trainBefore + secondsSince(start);
      standing.flops += cost.flops;
      standing.tokens += cost.tokens;
      const [loss, gradientNorm] = [figures[0] as number, figures[1] as number];
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        const failure = await keepFailure(this.session, this.folder, { step: read, loss, gradientNorm });
        yield failure;
        throw trainingError(failure, this.options);
      }
      const event = this.#metrics(read++, figures);
      if (event) yield event;
    }
  }

  /** The line of the log for update `step`, if it gets one. */
  #metrics(step: number, figures: ArrayLike<number>): MetricsEvent | undefined {
    const standing = this.#standing;
    const made = step + 1;
    if (made % this.options.recipe.logEvery !== 0 && made !== this.session.steps) return undefined;
    standing.noteMemory(this.options.device.memory());
    const event: MetricsEvent = {
      type: 'metrics',
      step: made,
      ...this.session.readFigures(figures),
      learningRate: this.session.schedule(step),
      flops: standing.flops,
      tokens: standing.tokens,
      seconds: standing.seconds,
      tokensPerSecond: standing.tokens / standing.trainSeconds,
      peakBytes: standing.peakBytes,
    };
    this.folder.append(event);
    return event;
  }

  /** Evaluates; where the signal comes first, the evaluation is still due. */
  async *#evaluateUnlessStopped(): AsyncGenerator<PhaseEvent | EvaluationEvent | SampleEvent, void> {
    const { signal } = this.options;
    try {
      yield* this.#evaluate();
      this.#standing.evaluationDue = false;
    } catch (error) {
      if (signal?.aborted !== true || error !== signal.reason) throw error;
    }
  }

  async *#evaluate(): AsyncGenerator<PhaseEvent | EvaluationEvent | SampleEvent, void> {
    // First, since it may be stopped: an evaluation that is in the log is not made again.
    const samples = await this.#sample();
    yield yield* phasesOf((onPhase) => this.#measure({ signal: this.options.signal, onPhase }));
    if (samples === undefined) return;
    const event: SampleEvent = { type: 'sample', step: this.#standing.step, samples };
    this.folder.append(event);
    yield event;
  }

  async #measure(control: WorkControl): Promise<EvaluationEvent> {
    const standing = this.#standing;
    const { lossExamples, questions, bestBy } = this.#plan;
    const validationLoss =
      lossExamples > 0
        ? await standing.timed(() => this.#validation.measure(lossExamples, 'validation', control))
        : undefined;
    const scores =
      questions > 0
        ? (await standing.timed(() => this.#evaluator.evaluate('validation', questions, control))).score.mean
        : {};
    const [first] = this.session.work.task.metrics;
    const { solved } = this.options.recipe.evaluation;
    if (solved !== undefined && first !== undefined && (scores[first.name] as number) >= solved)
      standing.solve();
    const isBest = standing.judge({ validationLoss, scores }, bestBy);
    if (isBest) this.folder.saveBest(standing.step, await this.session.saveParameters());
    const event: EvaluationEvent = {
      type: 'evaluation',
      step: standing.step,
      flops: standing.flops,
      seconds: standing.seconds,
      scores,
      ...(validationLoss === undefined ? {} : { validationLoss }),
      ...(bestBy === undefined ? {} : { isBest }),
    };
    this.folder.append(event);
    return event;
  }

  /** What the model writes as it is now. */
  async #sample(): Promise<TextSample[] | undefined> {
    const sampler = this.#sampler;
    const { signal } = this.options;
    return sampler && this.#standing.timed(() => sampler.sample(this.#standing.step, signal));
  }

  async #save(): Promise<void> {
    const kernels = this.options.device.tuner.choices.used();
    this.folder.keepChoices(kernels);
    this.#standing.noteMemory(this.options.device.memory());
    const progress = this.#standing.progress(this.folder.logBytes());
    this.folder.save({ tensors: await this.session.save(), progress, kernels });
  }

  async #finish(onPhase: OnPhase): Promise<RunSummary> {
    const standing = this.#standing;
    const { objective, seed } = this.options;
    const { finalQuestions } = this.#plan;
    if (standing.best !== null && standing.best.step !== standing.step)
      this.session.restoreParameters(this.folder.loadBest(standing.best.step));
    const final: Evaluation | undefined =
      finalQuestions > 0
        ? await standing.timed(() =>
            this.#evaluator.evaluate('test', finalQuestions, { signal: this.options.signal, onPhase }),
          )
        : undefined;
    const samples = await this.#sample();
    const summary: RunSummary = {
      objective,
      seed,
      scores: final?.score.mean ?? {},
      chance: this.session.work.task.metrics[0]?.chance ?? 0,
      modelStep: standing.best?.step ?? standing.step,
      validationLoss: standing.best?.validationLoss ?? null,
      model: await this.#saveModel(),
      solvedAtStep: standing.solvedAtStep,
      endedBy: this.#endedBy() ?? 'budget',
      steps: standing.step,
      flops: standing.flops,
      tokens: standing.tokens,
      seconds: standing.seconds,
      tokensPerSecond: standing.trainSeconds > 0 ? standing.tokens / standing.trainSeconds : 0,
      parameters: this.session.parameterCount,
      extraParameters: this.session.extraParameters,
      finalQuestions: final?.answers.length ?? 0,
      answers: final?.answers.slice(0, KEPT_ANSWERS) ?? [],
      ...(samples === undefined ? {} : { samples }),
    };
    this.folder.finish(summary);
    return summary;
  }

  /** Writes the model for other tools, where they know such models. */
  async #saveModel(): Promise<string | null> {
    if (!this.session.work.isExpressible()) return null;
    await this.session.work.saveModel(this.folder.modelFolder);
    return MODEL_FOLDER;
  }

  dispose(): void {
    this.#sampler?.dispose();
    this.#evaluator.dispose();
    this.#validation.dispose();
    this.session.dispose();
  }
}
