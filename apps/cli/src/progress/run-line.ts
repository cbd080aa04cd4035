import type { EvaluationEvent, Phase, TrainEvent } from '@foretoken/train';
import { formatBytes, formatCount, formatDuration, formatMebibytes, formatShare } from '../format.js';
import { type Piece, piece } from './fit.js';

/** A run that progress is shown of. */
export interface ShownRun {
  readonly label: string;
  /** Updates at most; not known before the run begins where it goes by epochs. */
  readonly steps: number | undefined;
  /** Runs of one kind take as long a step. */
  readonly kind?: string;
}

export type RunState = 'waiting' | 'running' | 'done' | 'stopped';

const PHASES: Readonly<Record<Phase['phase'], string>> = {
  data: 'reading the data',
  weights: 'loading weights',
  compile: 'compiling',
  validation: 'validation',
  questions: 'validation',
  test: 'test',
  measure: 'measuring',
};

/** `loading weights 240/988 MB`, `compiling 12/33 shaders` */
export function phaseText({ phase, done, total, unit }: Phase): string {
  const name = PHASES[phase];
  if (done === undefined || total === undefined || unit === undefined || total === 0) return name;
  return unit === 'bytes' ? `${name} ${formatBytes(done, total)}` : `${name} ${done}/${total} ${unit}`;
}

/** An evaluation in a few words: the validation loss, else the first metric. */
function foundText({
  validationLoss,
  scores,
}: Pick<EvaluationEvent, 'scores' | 'validationLoss'>): string | undefined {
  if (validationLoss !== undefined) return `validation loss ${validationLoss.toFixed(3)}`;
  const [metric] = Object.entries(scores);
  if (metric === undefined) return undefined;
  const [name, mean] = metric;
  // exactMatch as people write it.
  return `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${formatShare(mean)}`;
}

/** The parts of a loss, where it has several: all of them, or the first ones. */
function partsWays(parts: Readonly<Record<string, number>>): string[] {
  const all = Object.entries(parts).map(([name, part]) => `${name} ${part.toFixed(3)}`);
  if (all.length < 2) return [];
  const some = all.slice(1).map((_, at) => `(${all.slice(0, all.length - 1 - at).join(', ')}, …)`);
  return [`(${all.join(', ')})`, ...some];
}

/** Shares of a run that are done, as bars of several widths. */
const barWays = (share: number): string[] =>
  [20, 12, 8].map((width) => {
    const filled = Math.round(width * Math.min(1, Math.max(0, share)));
    return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
  });

/** What is known of one run, and how it reads. */
export class RunLine {
  readonly label: string;
  readonly kind: string;
  state: RunState = 'waiting';
  steps: number;
  step = 0;
  /** Whether it was finished before this command. */
  wasDone = false;
  #phase: Phase | undefined;
  #phaseSince = 0;
  /** Step and time at which this process began its updates, for what is left. */
  #firstStep = 0;
  #startedAt: number | undefined;
  /** When anything of the run was heard of first. */
  #heardAt: number | undefined;
  #endedAt: number | undefined;
  #loss: number | undefined;
  #parts: Readonly<Record<string, number>> = {};
  #found: string | undefined;
  #peakBytes: number | undefined;
  #tokensPerSecond: number | undefined;
  #solved = false;

  constructor({ label, steps, kind = label }: ShownRun) {
    this.label = label;
    this.kind = kind;
    this.steps = steps ?? Number.POSITIVE_INFINITY;
  }

  update(event: TrainEvent, now: number): void {
    this.#heardAt ??= now;
    if (event.type === 'warning') return;
    if (event.type === 'phase') {
      if (this.#phase?.phase !== event.phase) this.#phaseSince = now;
      const isOver = event.phase === 'measure' && event.done === event.total;
      this.#phase = isOver ? undefined : event;
      if (isOver) this.#endedAt = now;
      return;
    }
    this.#phase = undefined;
    switch (event.type) {
      case 'start':
        this.state = 'running';
        this.steps = event.steps;
        this.step = this.#firstStep = event.step;
        this.#startedAt = now;
        break;
      case 'metrics':
        // Compilation, and validation before the first update, say nothing about the updates.
        if (this.step === this.#firstStep && this.#loss === undefined) {
          this.#firstStep = event.step;
          this.#startedAt = now;
        }
        this.step = event.step;
        this.#loss = event.loss;
        // What this batch had no target of keeps its last value.
        this.#parts = { ...this.#parts, ...event.parts };
        this.#peakBytes = event.peakBytes;
        this.#tokensPerSecond = event.tokensPerSecond;
        break;
      case 'evaluation':
        this.step = event.step;
        this.#found = foundText(event);
        break;
      case 'done':
        this.wasDone = this.state === 'waiting';
        this.state = 'done';
        this.step = event.summary.steps;
        this.#solved = event.summary.solvedAtStep !== null;
        this.#found = foundText({ scores: event.summary.scores }) ?? this.#found;
        this.#endedAt = now;
        break;
      default:
    }
  }

  /** Milliseconds since the phase began. */
  phaseLasts(now: number): number {
    return now - this.#phaseSince;
  }

  get phase(): Phase | undefined {
    return this.#phase;
  }

  /** Seconds of a step so far, all that belongs to a run included; undefined while that is not known. */
  secondsOfStep(now: number): number | undefined {
    if (this.wasDone) return undefined;
    if (this.state === 'done' && this.#heardAt !== undefined && this.step > 0)
      return ((this.#endedAt ?? now) - this.#heardAt) / 1000 / Math.max(1, this.step);
    if (this.#startedAt === undefined || this.step <= this.#firstStep) return undefined;
    return (now - this.#startedAt) / 1000 / (this.step - this.#firstStep);
  }

  /** Seconds that are left at most; undefined while that is not known. */
  secondsLeft(now: number): number | undefined {
    const perStep = this.secondsOfStep(now);
    return perStep === undefined || !Number.isFinite(this.steps)
      ? undefined
      : perStep * (this.steps - this.step);
  }

  /** The line in pieces, the parts of the loss behind everything else. */
  pieces(now: number, labelWidth = 0): Piece[] {
    const { state } = this;
    const share = state === 'done' ? 1 : Number.isFinite(this.steps) ? this.step / this.steps : 0;
    const known = Number.isFinite(this.steps) ? `${this.step}/${this.steps}` : String(this.step);
    const left = this.secondsLeft(now);
    const phase = this.#phase;
    const since = phase === undefined ? 0 : (now - this.#phaseSince) / 1000;
    return [
      piece(100, this.label.padEnd(labelWidth), this.label),
      piece(30, ...barWays(share)),
      piece(90, `step ${known}`, known),
      ...(phase === undefined ? [] : [piece(85, phaseText(phase))]),
      ...(phase === undefined || since < 2 ? [] : [piece(55, formatDuration(since))]),
      ...(this.#found === undefined ? [] : [piece(80, this.#found)]),
      ...(this.#tokensPerSecond === undefined
        ? []
        : [piece(50, `${formatCount(this.#tokensPerSecond)} tokens/s`)]),
      ...(state === 'running' && left !== undefined
        ? [piece(70, `at most ${formatDuration(left)} left`, `${formatDuration(left)} left`)]
        : []),
      ...(state === 'waiting' && phase === undefined ? [piece(70, 'waiting')] : []),
      ...(state === 'stopped' ? [piece(70, 'stopped')] : []),
      ...(state === 'done' ? [piece(70, this.#solved ? 'solved' : 'done')] : []),
      ...(this.#loss === undefined ? [] : [piece(60, `loss ${this.#loss.toFixed(3)}`)]),
      ...(this.#peakBytes === undefined || labelWidth > 0
        ? []
        : [piece(20, formatMebibytes(this.#peakBytes))]),
      ...(this.#loss === undefined ? [] : [piece(10, ...partsWays(this.#parts))]),
    ];
  }
}
