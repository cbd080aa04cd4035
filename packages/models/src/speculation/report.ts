/** How well drafts did. */
export interface SpeculationReport {
  /** Passes of the model that verified drafts. */
  readonly passes: number;
  /** New tokens from these passes. */
  readonly tokens: number;
  /** Share of all drafts that were accepted; null before any was made. */
  readonly acceptanceRate: number | null;
  /** By offset from the last token that was read, 2 first. */
  readonly offsets: readonly OffsetReport[];
}

export interface OffsetReport {
  /** How far ahead of the last token that was read. */
  readonly offset: number;
  readonly drafted: number;
  /** Drafts before which all others of their pass were accepted, so that they were looked at. */
  readonly reached: number;
  readonly accepted: number;
}

/** Counts what became of drafts. */
export class SpeculationCounter {
  readonly #drafted: number[];
  readonly #reached: number[];
  readonly #accepted: number[];
  #passes = 0;
  #tokens = 0;

  constructor(draftCount: number) {
    const zeros = (): number[] => new Array<number>(draftCount).fill(0);
    [this.#drafted, this.#reached, this.#accepted] = [zeros(), zeros(), zeros()];
  }

  /** @param tokens - new tokens that were kept of the pass */
  add(drafted: number, accepted: number, tokens: number): void {
    this.#passes++;
    this.#tokens += tokens;
    for (let at = 0; at < drafted; at++) {
      this.#drafted[at] = (this.#drafted[at] as number) + 1;
      if (at <= accepted) this.#reached[at] = (this.#reached[at] as number) + 1;
      if (at < accepted) this.#accepted[at] = (this.#accepted[at] as number) + 1;
    }
  }

  report(): SpeculationReport {
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
    const drafted = sum(this.#drafted);
    return {
      passes: this.#passes,
      tokens: this.#tokens,
      acceptanceRate: drafted === 0 ? null : sum(this.#accepted) / drafted,
      offsets: this.#drafted.map((count, at) => ({
        offset: at + 2,
        drafted: count,
        reached: this.#reached[at] as number,
        accepted: this.#accepted[at] as number,
      })),
    };
  }
}
