/** Passes text on up to the first of some stop texts, and holds back what may become one. */
export class StopText {
  readonly #stops: readonly string[];
  #held = '';
  #ended = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** Whether a stop text has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What can be shown now. */
  push(text: string): string {
    if (this.#ended) return '';
    this.#held += text;
    const found = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((at) => at >= 0);
    this.#ended = found.length > 0;
    const shown = this.#ended ? Math.min(...found) : this.#held.length - this.#waiting();
    const piece = this.#held.slice(0, shown);
    this.#held = this.#ended ? '' : this.#held.slice(shown);
    return piece;
  }

  /** What was held back, when no more text comes. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Letters at the end that begin a stop text. */
  #waiting(): number {
    const longest = this.#stops.reduce((most, stop) => Math.max(most, stop.length - 1), 0);
    for (let length = Math.min(longest, this.#held.length); length > 0; length--) {
      const tail = this.#held.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return length;
    }
    return 0;
  }
}
