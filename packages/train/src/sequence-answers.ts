import type { QuestionSet, SequenceBatch, SequenceTask } from '@foretoken/data';
import { TokenGenerator, type Transformer } from '@foretoken/models';
import type { LossInputs, Objective, ParallelDecoding } from '@foretoken/objectives';
import type { CompiledStep, Device, Tensor } from '@foretoken/tensor';
import type { Answers } from './evaluate.js';

/** Questions that are answered at a time, at most, and the positions that they may have together. */
const MOST_QUESTIONS = 256;
const MOST_POSITIONS = 16_384;

type Predict = CompiledStep<LossInputs, { tokens: Tensor }>;
type Questions = QuestionSet<SequenceBatch>;

/** Answers greedily, in the way that the objective prescribes. Compiled once, used again. */
export class SequenceAnswers implements Answers<SequenceBatch> {
  #generator: TokenGenerator | undefined;
  #predict: Predict | undefined;
  readonly batch: number;

  constructor(
    readonly device: Device,
    readonly task: SequenceTask,
    readonly model: Transformer,
    readonly objective: Objective,
  ) {
    this.batch = Math.max(1, Math.min(MOST_QUESTIONS, Math.floor(MOST_POSITIONS / task.maxTime)));
  }

  async answer(questions: Questions, signal?: AbortSignal): Promise<number[][]> {
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
    const answers = rows.map((): number[] => []);
    const options = { maxNewTokens: maxAnswerLength, greedy: true, stopTokens };
    for await (const { tokens: given } of this.#generator.stream(rows, options)) {
      signal?.throwIfAborted();
      answers.forEach((answer, row) => {
        // Below zero where the answer has ended.
        if ((given[row] as number) >= 0) answer.push(given[row] as number);
      });
    }
    return answers;
  }

  async #answerAtOnce(
    { prompts, maxAnswerLength, count }: Questions,
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
