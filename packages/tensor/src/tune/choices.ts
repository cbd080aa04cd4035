import type { AttentionQuestion } from '../kernels/attention/rows.js';
import type { MatmulQuestion } from '../kernels/matmul/variants.js';

/** One kernel of an operation at one size, for which there are several ways. */
export interface Question {
  /** Names the operation and its bucket of sizes: questions with one key have one answer. */
  readonly key: string;
  /** Names of the ways, the likeliest to be fast first; they say all that there is to know about each. */
  readonly candidates: readonly string[];
  /** What is taken without a measurement. */
  readonly fallback: string;
  /** Roughly how long the kernel takes, in multiplications: what takes long is measured first, and what is short never. */
  readonly work: number;
  /** What to measure. */
  readonly problem: MatmulQuestion | AttentionQuestion;
}

/** Sizes that are near in ratio share an answer. */
export const bucket = (size: number): number => (size === 0 ? 0 : 2 ** Math.round(Math.log2(size)));

/** Answers by key, for storing: which way each kernel takes. */
export type TuningChoices = Readonly<Record<string, string>>;

/** Which way kernels take: what was measured, where it was, and rules of thumb elsewhere. */
export class Choices {
  readonly #answers = new Map<string, string>();
  readonly #asked = new Map<string, Question>();
  readonly #used = new Map<string, string>();

  /** The way to take; questions that nobody has answered are remembered. */
  pick(question: Question): string {
    const answer = this.#answers.get(question.key);
    // An answer may come from a file that another version wrote.
    const known = answer !== undefined && question.candidates.includes(answer);
    if (!known) {
      this.#answers.delete(question.key);
      this.#asked.set(question.key, question);
    }
    const way = known ? answer : question.fallback;
    this.#used.set(question.key, way);
    return way;
  }

  /** Questions without an answer, those about the longest work first. */
  open(): Question[] {
    return [...this.#asked.values()]
      .filter(({ key }) => !this.#answers.has(key))
      .sort((a, b) => b.work - a.work);
  }

  answer(key: string, candidate: string): void {
    this.#answers.set(key, candidate);
  }

  /** Takes answers over, but for what is no text. */
  load(answers: Readonly<Record<string, unknown>>): void {
    for (const [key, answer] of Object.entries(answers)) {
      if (typeof answer === 'string') this.#answers.set(key, answer);
    }
  }

  /** All answers that were measured or loaded. */
  answers(): TuningChoices {
    return Object.fromEntries([...this.#answers].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The ways that kernels really took. */
  used(): TuningChoices {
    return Object.fromEntries([...this.#used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
