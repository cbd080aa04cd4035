import type { Device } from '../device.js';
import { Choices, type Question } from './choices.js';
import { type Rehearsal, rehearse } from './rehearsals.js';

/** Where answers are kept between processes. */
export interface TuningStore {
  /** The text stored under a name, if there is one. */
  load(name: string): string | undefined | Promise<string | undefined>;
  save(name: string, text: string): void | Promise<void>;
}

export interface TuneOptions {
  /** Milliseconds after which no further measurement begins. */
  readonly budgetMilliseconds: number;
  /** Measures also kernels that are too short to matter much, and all candidates, not only the likeliest. Default false. */
  readonly thorough?: boolean;
  readonly onProgress?: (text: string) => void;
}

export interface TuneReport {
  readonly measured: readonly {
    readonly key: string;
    readonly chosen: string;
    /** Best milliseconds of each candidate. */
    readonly milliseconds: Readonly<Record<string, number>>;
  }[];
  /** Questions that the budget did not reach, or that were too short to be asked. */
  readonly left: number;
}

/** Answers of other versions of the kernels are of no use. */
const FORMAT = 1;
/**
 * Multiplications from which a kernel is worth a measurement by itself. On a software adapter every way that is tried takes
 * a few tenths of a second to compile, which only long kernels give back soon.
 */
const WORTH_MEASURING = { software: 2 ** 27, hardware: 2 ** 22 };
const REPEATS = 3;
/** A candidate must be faster than the rule of thumb by this factor: else noise would choose. */
const CLEARLY = 0.97;

/** Chooses among the ways that kernels can take, by timing them on the adapter at hand. */
export class Tuner {
  readonly choices = new Choices();
  readonly #name: string;

  constructor(
    readonly device: Device,
    readonly store: TuningStore | undefined,
    version: string,
  ) {
    const { name, vendor, architecture, description } = device.info;
    this.#name = [`format ${FORMAT}`, version, name, vendor, architecture, description].join(' | ');
  }

  /** Reads what earlier processes measured on this adapter, driver and version. A file that is no JSON is ignored. */
  async load(): Promise<void> {
    const text = await this.store?.load(this.#name);
    if (text === undefined) return;
    try {
      const stored: unknown = JSON.parse(text);
      if (stored === null || typeof stored !== 'object') return;
      const { adapter, choices } = stored as { adapter?: unknown; choices?: unknown };
      if (adapter !== this.#name || choices === null || typeof choices !== 'object') return;
      this.choices.load(choices as Record<string, unknown>);
    } catch {
      // Cut off or not ours: it is measured again and written over.
    }
  }

  /** Whether there are questions that a measurement is worth. */
  hasWork(): boolean {
    return this.choices.open().some(({ work }) => work >= this.#leastWork);
  }

  get #leastWork(): number {
    return WORTH_MEASURING[this.device.info.software ? 'software' : 'hardware'];
  }

  /** Answers open questions, the longest kernels first, while the budget lasts. */
  async tune({ budgetMilliseconds, thorough = false, onProgress }: TuneOptions): Promise<TuneReport> {
    const start = performance.now();
    const measured: TuneReport['measured'][number][] = [];
    const open = this.choices.open();
    for (const question of open) {
      if (!thorough && question.work < this.#leastWork) break;
      if (performance.now() - start >= budgetMilliseconds) break;
      onProgress?.(`${question.key} ...`);
      const { fallback } = question;
      const others = question.candidates.filter((each) => each !== fallback);
      const candidates = [fallback, ...(thorough ? others : others.slice(0, 1))];
      const milliseconds = await this.#measure(question, candidates, start + budgetMilliseconds);
      const best = Object.entries(milliseconds).reduce<readonly [string, number]>(
        (least, entry) => (entry[1] < least[1] * CLEARLY ? entry : least),
        [fallback, milliseconds[fallback] as number],
      );
      this.choices.answer(question.key, best[0]);
      measured.push({ key: question.key, chosen: best[0], milliseconds });
    }
    if (measured.length > 0)
      await this.store?.save(
        this.#name,
        `${JSON.stringify({ adapter: this.#name, choices: this.choices.answers() }, undefined, 1)}\n`,
      );
    return { measured, left: open.length - measured.length };
  }

  /** Best times of the candidates; the budget may end it after the first, the rule of thumb. */
  async #measure(
    question: Question,
    candidates: readonly string[],
    deadline: number,
  ): Promise<Record<string, number>> {
    const times: Record<string, number> = {};
    const rehearsal = rehearse(this.device, question.problem);
    try {
      for (const candidate of candidates) {
        if (candidate !== candidates[0] && performance.now() >= deadline) break;
        this.choices.answer(question.key, candidate);
        times[candidate] = await this.#time(rehearsal);
      }
    } finally {
      rehearsal.dispose();
    }
    return times;
  }

  /** Best milliseconds of a rehearsal. */
  async #time(rehearsal: Rehearsal): Promise<number> {
    const { device } = this;
    const step = device.compile(() => rehearsal.results(), { name: 'tune' });
    try {
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run <= REPEATS; run++) {
        const time = device.features.has('timestamp-query')
          ? (await step.profile({})).kernels.reduce((sum, { microseconds }) => sum + microseconds, 0) / 1000
          : await wallTime(device, () => {
              for (const result of step.run({})) result.dispose();
            });
        // The first run compiles.
        if (run > 0) best = Math.min(best, time);
      }
      return best;
    } finally {
      step.dispose();
    }
  }
}

async function wallTime(device: Device, run: () => void): Promise<number> {
  await device.sync();
  const start = performance.now();
  run();
  await device.sync();
  return performance.now() - start;
}
