import type { QuestionSet, Score, Split, Task } from '@foretoken/data';
import type { WorkControl } from './events.js';

/** What a model answered, and what that is worth. */
export interface Evaluation {
  readonly score: Score;
  readonly answers: readonly (readonly number[])[];
}

/** How a model is asked. */
export interface Answers<Batch> {
  /** Questions that are answered at a time. */
  readonly batch: number;
  /** @throws the reason of the signal, where answers come in many steps */
  answer(questions: QuestionSet<Batch>, signal?: AbortSignal): Promise<number[][]>;
  dispose(): void;
}

/** Asks held-out questions of a task, and scores the answers. */
export class Evaluator<Batch> {
  constructor(
    readonly task: Task<Batch>,
    readonly answers: Answers<Batch>,
  ) {}

  /** Answers questions 0 to `wanted - 1` of a split, or all where there are fewer. @throws the reason of the signal */
  async evaluate(split: Split, wanted: number, { signal, onPhase }: WorkControl = {}): Promise<Evaluation> {
    const count = Math.min(wanted, this.task.questionCount?.(split) ?? wanted);
    const { batch } = this.answers;
    const answers: number[][] = [];
    const scores: Score[] = [];
    const phase = split === 'test' ? 'test' : 'questions';
    const tell = (done: number): void => onPhase?.({ phase, done, total: count, unit: 'questions' });
    tell(0);
    for (let first = 0; first < count; first += batch) {
      signal?.throwIfAborted();
      // The last group may reach beyond `count`, so that every pass has one shape; the surplus is not scored.
      const given = await this.answers.answer(this.#questions(split, first, batch), signal);
      const asked = Math.min(batch, count - first);
      scores.push(this.#questions(split, first, asked).score(given.slice(0, asked)));
      answers.push(...given.slice(0, asked));
      tell(first + asked);
    }
    return { score: merge(scores), answers };
  }

  #questions(split: Split, first: number, count: number): QuestionSet<Batch> {
    const questions = this.task.questions?.(split, first, count);
    if (questions === undefined) throw new Error(`internal: task ${this.task.name} asks no questions.`);
    return questions;
  }

  dispose(): void {
    this.answers.dispose();
  }
}

/** Scores of groups of questions as one. */
function merge(scores: readonly Score[]): Score {
  const each = scores.flatMap((score) => score.each);
  const names = Object.keys(each[0] ?? {});
  const mean = names.map((name) => [
    name,
    each.reduce((sum, one) => sum + (one[name] as number), 0) / each.length,
  ]);
  return { each, mean: Object.fromEntries(mean) as Record<string, number> };
}
