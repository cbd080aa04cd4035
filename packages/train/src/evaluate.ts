import type { QuestionSet, Score, SequenceTask, Split } from '@foretoken/data';
import { TokenGenerator, type Transformer } from '@foretoken/models';
import type { LossInputs, Objective, ParallelDecoding } from '@foretoken/objectives';
import type { CompiledStep, Device, Tensor } from '@foretoken/tensor';

/** Questions that are answered at a time, at most, and the positions that they may have together. */
const MOST_QUESTIONS = 256;
const MOST_POSITIONS = 16_384;

type Predict = CompiledStep<LossInputs, { tokens: Tensor }>;

/** What a model answered, and what that is worth. */
export interface Evaluation {
  readonly score: Score;
  readonly answers: readonly (readonly number[])[];
}

/** Asks a model held-out questions, in the way that its objective prescribes. Compiled once, used again. */
export class Evaluator {
  #generator: TokenGenerator | undefined;
  #predict: Predict | undefined;
  /** Questions that are answered at a time. */
  readonly #batch: number;

  constructor(
    readonly device: Device,
    readonly task: SequenceTask,
    readonly model: Transformer,
    readonly objective: Objective,
  ) {
    this.#batch = Math.max(1, Math.min(MOST_QUESTIONS, Math.floor(MOST_POSITIONS / task.maxTime)));
  }

  /** Answers questions 0 to `wanted - 1` of a split, or all where there are fewer, greedily. */
  async evaluate(split: Split, wanted: number): Promise<Evaluation> {
    const count = Math.min(wanted, this.task.questionCount?.(split) ?? wanted);
    const answers: number[][] = [];
    const scores: Score[] = [];
    for (let first = 0; first < count; first += this.#batch) {
      // The last group may reach beyond `count`, so that every pass has one shape; the surplus is not scored.
      const questions = this.#questions(split, first, this.#batch);
      const given = await this.#answer(questions);
      const asked = Math.min(this.#batch, count - first);
      scores.push(this.#questions(split, first, asked).score(given.slice(0, asked)));
      answers.push(...given.slice(0, asked));
    }
    return { score: merge(scores), answers };
  }

  #questions(split: Split, first: number, count: number): QuestionSet {
    const questions = this.task.questions?.(split, first, count);
    if (questions === undefined) throw new Error(`internal: task ${this.task.name} asks no questions.`);
    return questions;
  }

  async #answer(questions: QuestionSet): Promise<number[][]> {
    const { decoding } = this.objective;
    if (decoding.kind === 'parallel') return this.#answerAtOnce(questions, decoding);
    const { prompts, maxAnswerLength } = questions;
    const { batch, time, channels, tokens } = prompts;
    this.#generator ??= new TokenGenerator(this.model, {
      batch,
      channels,
      capacity: time + maxAnswerLength,
      bidirectionalPrefix: decoding.bidirectionalPrefix,
    });
    const rows = Array.from({ length: batch }, (_, row) => {
      const start = row * time * channels;
      return tokens.subarray(start, start + (prompts.lengths[row] as number) * channels);
    });
    const { stopTokens = [] } = this.task;
    return this.#generator.generate(rows, { maxNewTokens: maxAnswerLength, greedy: true, stopTokens });
  }

  async #answerAtOnce(
    { prompts, maxAnswerLength, count }: QuestionSet,
    decoding: ParallelDecoding,
  ): Promise<number[][]> {
    this.#predict ??= this.device.compile(
      (inputs: LossInputs) => ({ tokens: decoding.predict(this.model, inputs) }),
      { name: 'parallel decoding' },
    );
    const predicted = await this.#predict.run(decoding.prepare(prompts, maxAnswerLength)).tokens.data();
    return Array.from({ length: count }, (_, row) =>
      Array.from(predicted.subarray(row * maxAnswerLength, (row + 1) * maxAnswerLength)),
    );
  }

  dispose(): void {
    this.#generator?.dispose();
    this.#predict?.dispose();
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
