import type { EvaluationEvent, TrainEvent } from '@foretoken/train';
import { formatCount, formatDuration, formatMebibytes, formatShare } from './format.js';

/** What is known of one run of a grid. */
interface Line {
  readonly label: string;
  /** Updates at most; not known before the run begins where it goes by epochs. */
  steps: number;
  step: number;
  /** Step and time at which this process began, for the estimate of what is left. */
  firstStep: number;
  startedAt: number | undefined;
  loss: number | undefined;
  parts: Readonly<Record<string, number>>;
  /** What the last evaluation found. */
  found: string | undefined;
  peakBytes: number | undefined;
  tokensPerSecond: number | undefined;
  solved: boolean;
  state: 'waiting' | 'running' | 'done' | 'stopped';
}

const BAR = 20;
const REDRAW_MILLISECONDS = 200;

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

/** The parts of a loss, where it has several. */
function partsText({ parts }: Line): string {
  const all = Object.entries(parts);
  return all.length < 2 ? '' : ` (${all.map(([name, part]) => `${name} ${part.toFixed(3)}`).join(', ')})`;
}

/** Shows the runs of a grid on standard error: one line each, redrawn on a terminal, printed now and then elsewhere. */
export class Progress {
  readonly #lines: Line[];
  readonly #live: boolean;
  #drawn = 0;
  #drawnAt = 0;

  constructor(
    runs: readonly { readonly label: string; readonly steps: number | undefined }[],
    readonly stream: NodeJS.WriteStream = process.stderr,
  ) {
    this.#live = stream.isTTY === true;
    this.#lines = runs.map(({ label, steps }) => ({
      label,
      steps: steps ?? Number.POSITIVE_INFINITY,
      step: 0,
      firstStep: 0,
      startedAt: undefined,
      loss: undefined,
      parts: {},
      found: undefined,
      peakBytes: undefined,
      tokensPerSecond: undefined,
      solved: false,
      state: 'waiting',
    }));
  }

  update(at: number, event: TrainEvent): void {
    const line = this.#lines[at] as Line;
    switch (event.type) {
      case 'start':
        Object.assign(line, {
          state: 'running',
          steps: event.steps,
          step: event.step,
          firstStep: event.step,
          startedAt: Date.now(),
        });
        if (event.step > 0) this.#note(`${line.label}: goes on from step ${event.step}`);
        break;
      case 'metrics':
        Object.assign(line, {
          step: event.step,
          loss: event.loss,
          // What this batch had no target of keeps its last value.
          parts: { ...line.parts, ...event.parts },
          peakBytes: event.peakBytes,
          tokensPerSecond: event.tokensPerSecond,
        });
        break;
      case 'evaluation':
        Object.assign(line, { step: event.step, found: foundText(event) });
        this.#note(this.#text(line));
        break;
      case 'sample':
        for (const { prompt, text } of event.samples)
          this.print(`--- ${line.label}, step ${event.step}:\n${prompt}${text}\n---`);
        break;
      case 'checkpoint':
      case 'failure':
        break;
      case 'done': {
        const { summary } = event;
        const skipped = line.state === 'waiting';
        const found = foundText({ scores: summary.scores }) ?? line.found;
        Object.assign(line, {
          state: 'done',
          step: summary.steps,
          solved: summary.solvedAtStep !== null,
          found,
        });
        this.#note(skipped ? `${line.label}: was finished before` : this.#text(line));
        break;
      }
    }
    this.#draw(event.type === 'done');
  }

  /** Writes text above the lines, which follow it down the screen. */
  print(text: string): void {
    if (this.#live && this.#drawn > 0) this.stream.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
    this.stream.write(`${text}\n`);
    this.#draw(true);
  }

  /** Leaves the last state on the screen. */
  end(): void {
    for (const line of this.#lines) if (line.state === 'running') line.state = 'stopped';
    this.#draw(true);
    this.#drawn = 0;
  }

  /** A line for output that is no terminal. */
  #note(text: string): void {
    if (!this.#live) this.stream.write(`${text}\n`);
  }

  #draw(now: boolean): void {
    if (!this.#live || (!now && Date.now() - this.#drawnAt < REDRAW_MILLISECONDS)) return;
    this.#drawnAt = Date.now();
    const width = (this.stream.columns ?? 100) - 1;
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    const shown = this.#shown();
    // What was drawn below may have been more.
    const text = shown.map((line) => `\u001b[2K${line.slice(0, width)}\n`).join('');
    this.stream.write(`${up}\u001b[J${text}`);
    this.#drawn = shown.length;
  }

  /** All lines, or on a screen that has no room for them those that run and how many there are. */
  #shown(): string[] {
    const all = this.#lines;
    if (all.length < (this.stream.rows ?? 24)) return all.map((line) => this.#text(line));
    const done = all.filter(({ state }) => state === 'done').length;
    const running = all.filter(({ state }) => state === 'running' || state === 'stopped');
    return [`${done} of ${all.length} runs done`, ...running.map((line) => this.#text(line))];
  }

  #text(line: Line): string {
    const share = line.state === 'done' ? 1 : line.step / line.steps;
    const filled = Math.round(BAR * share);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
    const parts = [
      line.label.padEnd(Math.max(...this.#lines.map(({ label }) => label.length))),
      bar,
      `step ${line.step}/${line.steps}`,
    ];
    if (line.loss !== undefined) parts.push(`loss ${line.loss.toFixed(3)}${partsText(line)}`);
    if (line.found !== undefined) parts.push(line.found);
    if (line.tokensPerSecond !== undefined) parts.push(`${formatCount(line.tokensPerSecond)} tokens/s`);
    if (line.peakBytes !== undefined && this.#lines.length === 1) parts.push(formatMebibytes(line.peakBytes));
    if (line.state === 'running') parts.push(this.#left(line));
    if (line.state === 'waiting' || line.state === 'stopped') parts.push(line.state);
    if (line.state === 'done') parts.push(line.solved ? 'solved' : 'done');
    return parts.join('  ');
  }

  #left(line: Line): string {
    if (line.startedAt === undefined || line.step <= line.firstStep) return '';
    const perStep = (Date.now() - line.startedAt) / 1000 / (line.step - line.firstStep);
    return `at most ${formatDuration(perStep * (line.steps - line.step))} left`;
  }
}
