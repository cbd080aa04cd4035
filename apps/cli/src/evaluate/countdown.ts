import type { EvaluationProgress } from '@foretoken/train';
import { formatDuration } from '../format.js';

const REDRAW_MILLISECONDS = 200;
/** Where nobody watches, a line now and then will do. */
const NOTE_MILLISECONDS = 15_000;

/** How far an evaluation is and how long it will take, on one line of standard error. */
export class Countdown {
  readonly #startedAt = Date.now();
  readonly #live: boolean;
  #toldAt = Date.now();

  constructor(
    readonly label: string,
    readonly stream: NodeJS.WriteStream = process.stderr,
  ) {
    this.#live = stream.isTTY === true;
  }

  readonly update = ({ done, total }: EvaluationProgress): void => {
    const now = Date.now();
    const last = done === total;
    if (!last && now - this.#toldAt < (this.#live ? REDRAW_MILLISECONDS : NOTE_MILLISECONDS)) return;
    this.#toldAt = now;
    const seconds = (now - this.#startedAt) / 1000;
    const time = last ? formatDuration(seconds) : `${formatDuration((seconds / done) * (total - done))} left`;
    const text = `${this.label}: ${done}/${total}, ${time}`;
    this.stream.write(this.#live ? `\r\u001b[2K${text}${last ? '\n' : ''}` : `${text}\n`);
  };
}
