import type { TrainEvent } from '@foretoken/train';
import { columnsOf, fitLine } from './fit.js';
import { phaseText, RunLine, type ShownRun } from './run-line.js';
import { totalPieces } from './total.js';

const REDRAW_MILLISECONDS = 200;
/** A line for output that is no terminal, at the latest, while a run makes no updates. */
const NOTE_MILLISECONDS = 5000;
/** Columns where nobody says how many there are. */
const COLUMNS = 100;

export interface ProgressOptions {
  /** Runs at a time. */
  readonly jobs?: number;
  readonly stream?: NodeJS.WriteStream;
  readonly now?: () => number;
}

/**
 * Shows runs on standard error: a line each and one for all, redrawn on a terminal and never wider than it, printed now
 * and then elsewhere.
 */
export class Progress {
  readonly #lines: RunLine[];
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #jobs: number;
  readonly #live: boolean;
  readonly #ticker: ReturnType<typeof setInterval>;
  #drawn = 0;
  #drawnAt = 0;
  #notedAt: number;
  #noted = '';
  #ended = false;
  #expected = 0;

  constructor(
    runs: readonly ShownRun[] = [],
    { jobs = 1, stream = process.stderr, now = Date.now }: ProgressOptions = {},
  ) {
    this.#stream = stream;
    this.#now = now;
    this.#jobs = jobs;
    this.#live = stream.isTTY === true;
    this.#lines = runs.map((run) => new RunLine(run));
    this.#notedAt = now();
    // What takes long tells nothing meanwhile.
    this.#ticker = setInterval(() => this.#tick(), 1000);
    this.#ticker.unref();
  }

  update(at: number, event: TrainEvent): void {
    const line = this.#lines[at] as RunLine;
    line.update(event, this.#now());
    switch (event.type) {
      case 'start':
        if (event.step > 0) this.#note(`${line.label}: resumes from step ${event.step}`);
        break;
      case 'evaluation':
        this.#note(this.#text(line));
        break;
      case 'done':
        if (line.wasDone) this.#note(`${line.label}: was finished before`);
        else if (this.#isSeveral) this.#note(`${line.label}: done; ${this.#total()}`);
        break;
      case 'phase':
        this.#tick();
        break;
      case 'sample':
        for (const { prompt, text } of event.samples)
          this.tell(`--- ${line.label}, step ${event.step}:\n${prompt}${text}\n---`);
        break;
      case 'warning':
        this.tell(`${line.label}: ${event.message}`);
        break;
      default:
    }
    this.#draw(event.type === 'done' || event.type === 'start');
  }

  /** Shows another run. @returns its number for `update` */
  add(run: ShownRun): number {
    this.#expected = Math.max(0, this.#expected - 1);
    return this.#lines.push(new RunLine(run)) - 1;
  }

  /** Says how many runs will be added, so that they count from the start. */
  expect(runs: number): void {
    this.#expected = runs;
  }

  /** Writes a line that stays, above what is redrawn. */
  tell(text: string): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
    this.#stream.write(`${text}\n`);
    this.#notedAt = this.#now();
  }

  /** Leaves the last state on the screen, once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#ticker);
    for (const line of this.#lines) if (line.state === 'running') line.state = 'stopped';
    this.#draw(true);
  }

  get #isSeveral(): boolean {
    return this.#lines.length + this.#expected > 1;
  }

  #tick(): void {
    const line = this.#lines.find(({ phase }) => phase !== undefined);
    if (line?.phase === undefined) return;
    this.#draw(false);
    // A phase that is over soon is not worth a line.
    const quiet = Math.min(this.#now() - this.#notedAt, line.phaseLasts(this.#now()));
    if (quiet >= NOTE_MILLISECONDS) this.#note(`${line.label}: ${phaseText(line.phase)}`);
  }

  /** A line for output that is no terminal. */
  #note(text: string): void {
    this.#notedAt = this.#now();
    if (this.#live || text === this.#noted) return;
    this.#noted = text;
    this.#stream.write(`${text}\n`);
  }

  #draw(now: boolean): void {
    if (!this.#live || (!now && this.#now() - this.#drawnAt < REDRAW_MILLISECONDS)) return;
    this.#drawnAt = this.#now();
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    const shown = this.#shown((this.#stream.columns ?? COLUMNS) - 1);
    // What was drawn below may have been more.
    const text = shown.map((line) => `\u001b[2K${line}\n`).join('');
    this.#stream.write(`${up}\u001b[J${text}`);
    this.#drawn = shown.length;
  }

  /** All lines, or on a screen that has no room for them those that run; with several also how far all are. */
  #shown(width: number): string[] {
    const all = this.#lines;
    if (!this.#isSeveral) return all.map((line) => this.#text(line, width));
    const total = this.#total(width);
    const fits = all.length + 1 < (this.#stream.rows ?? 24);
    const shown = fits
      ? all
      : all.filter(({ state, phase }) => phase !== undefined || (state !== 'waiting' && state !== 'done'));
    return [...shown.map((line) => this.#text(line, width)), total];
  }

  #text(line: RunLine, width = Number.POSITIVE_INFINITY): string {
    const several = this.#lines.length > 1;
    const labels = several ? this.#lines.reduce((most, { label }) => Math.max(most, columnsOf(label)), 1) : 0;
    return fitLine(line.pieces(this.#now(), labels), width);
  }

  #total(width = Number.POSITIVE_INFINITY): string {
    return fitLine(
      totalPieces(this.#lines, { jobs: this.#jobs, expected: this.#expected, now: this.#now() }),
      width,
    );
  }
}
