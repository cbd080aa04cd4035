import type { EvaluationPlan } from './evaluation-plan.js';
import type { RunSummary } from './events.js';
import type { Recipe } from './recipe.js';
import type { BestEvaluation, Progress } from './run/progress.js';
import type { StepCost } from './workload.js';

export const secondsSince = (start: number): number => (performance.now() - start) / 1000;

/** What an evaluation found. */
export interface Found {
  readonly validationLoss: number | undefined;
  /** Metrics of the answers, by name. */
  readonly scores: Readonly<Record<string, number>>;
}

/** How far a run has come, by the work of all processes on it, and what its evaluations say about going on. */
export class RunStanding {
  /** Updates made. */
  step = 0;
  flops = 0;
  tokens = 0;
  /** Whether these parameters have yet to be evaluated. */
  evaluationDue = false;
  /** Time spent on updates, and in all. */
  trainSeconds = 0;
  seconds = 0;
  /** The most GPU memory that was held at once. */
  peakBytes = 0;
  #solvedAtStep: number | null = null;
  #best: BestEvaluation | null = null;
  /** Evaluations since the best one. */
  #worse = 0;

  get solvedAtStep(): number | null {
    return this.#solvedAtStep;
  }
  get best(): BestEvaluation | null {
    return this.#best;
  }

  /** Resumes from a checkpoint. @param cost - of a step, for checkpoints that do not say what theirs cost */
  resume({ step, trainSeconds, seconds, solvedAtStep, ...later }: Progress, cost: StepCost): void {
    this.step = step;
    this.flops = later.flops ?? step * cost.flops;
    this.tokens = later.tokens ?? step * cost.tokens;
    this.trainSeconds = trainSeconds;
    this.seconds = seconds;
    this.peakBytes = later.peakBytes ?? 0;
    this.#solvedAtStep = solvedAtStep;
    this.#best = later.best ?? null;
    this.#worse = later.worse ?? 0;
    this.evaluationDue = later.evaluationDue ?? false;
  }

  /** What a checkpoint says of it. @param logBytes - length of the log up to here */
  progress(logBytes: number): Progress {
    const { step, trainSeconds, seconds, flops, tokens, peakBytes } = this;
    return {
      step,
      trainSeconds,
      seconds,
      logBytes,
      solvedAtStep: this.#solvedAtStep,
      flops,
      tokens,
      peakBytes,
      best: this.#best,
      worse: this.#worse,
      ...(this.evaluationDue ? { evaluationDue: true } : {}),
    };
  }

  /** Notes how much GPU memory this process has held at once. */
  noteMemory({ peakBytes }: { readonly peakBytes: number }): void {
    this.peakBytes = Math.max(this.peakBytes, peakBytes);
  }

  /** Counts the time of some work that is no update. */
  async timed<Result>(work: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.seconds += secondsSince(start);
    }
  }

  /** Whether the parameters are the best so far; they then have to be kept. */
  judge({ validationLoss, scores }: Found, bestBy: EvaluationPlan['bestBy']): boolean {
    const value = bestBy === 'validationLoss' ? validationLoss : scores[bestBy ?? ''];
    const isBest = bestBy !== undefined && value !== undefined && this.#beatsBest(bestBy, value);
    this.#worse = isBest ? 0 : this.#worse + 1;
    if (isBest) this.#best = { step: this.step, value, validationLoss: validationLoss ?? null };
    return isBest;
  }

  #beatsBest(bestBy: string, value: number): boolean {
    if (!Number.isFinite(value)) return false;
    if (this.#best === null) return true;
    return bestBy === 'validationLoss' ? value < this.#best.value : value > this.#best.value;
  }

  /** Notes that the task has been solved here. */
  solve(): void {
    this.#solvedAtStep = this.step;
  }

  /** Why there are no further updates; undefined while there are. @param steps - the budget */
  endedBy(
    { patience = Number.POSITIVE_INFINITY }: Recipe['evaluation'],
    steps: number,
  ): RunSummary['endedBy'] {
    if (this.#solvedAtStep !== null) return 'solved';
    if (this.#worse >= patience) return 'patience';
    return this.step < steps ? undefined : 'budget';
  }
}
