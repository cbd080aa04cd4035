import type { QuestionSet, Score, SequenceTask, Split } from '@foretoken/data';
import { TokenGenerator, type Transformer } from '@foretoken/models';
import type { LossInputs, Objective, ParallelDecoding } from '@foretoken/objectives';
import type { CompiledStep, Device, Tensor } from '@foretoken/tensor';

/** Questions that are answered at a time. */
const BATCH = 256;

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

  constructor(
    readonly device: Device,
    readonly task: SequenceTask,
    readonly model: Transformer,
    readonly objective: Objective,
  ) {}

  /** Answers questions 0 to `count - 1` of a split, greedily. */
  async evaluate(split: Split, count: number): Promise<Evaluation> {
    const answers: number[][] = [];
    const scores: Score[] = [];
    for (let first = 0; first < count; first += BATCH) {
      // The last group may reach beyond `count`, so that every pass has one shape; the surplus is not scored.
      const questions = this.#questions(split, first, BATCH);
      const given = await this.#answer(questions);
      const wanted = Math.min(BATCH, count - first);
      scores.push(this.#questions(split, first, wanted).score(given.slice(0, wanted)));
      answers.push(...given.slice(0, wanted));
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
    return this.#generator.generate(rows, { maxNewTokens: maxAnswerLength, greedy: true });
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
