import type { SequenceBatch, SequenceTask } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { createObjective, IGNORE, type LossInputs, type Objective } from '@foretoken/objectives';
import { type CompiledStep, type Device, HostRandom, type Tensor } from '@foretoken/tensor';

/** Which predictions are scored: settings that all objectives share. */
export interface LossSettings {
  readonly lossOn?: unknown;
  readonly bidirectionalPrefix?: unknown;
}

/**
 * The plain next-token loss of a model on validation examples, whatever it was trained with: no registers, no heads, no
 * dropout. A mean over tokens, so that it does not depend on how examples fall into batches.
 */
export class ValidationLoss {
  readonly #nextToken: Objective;
  readonly #step: CompiledStep<LossInputs, { loss: Tensor }>;
  /** The next-token objective draws nothing. */
  readonly #random = new HostRandom(0);

  /**
   * @param settings - of the objective that is trained: the same tokens are scored, and prompts are read as in training
   * @param batch - examples that go through the model at a time
   */
  constructor(
    device: Device,
    readonly task: SequenceTask,
    model: Transformer,
    { lossOn, bidirectionalPrefix }: LossSettings,
    readonly batch: number,
  ) {
    const context = { device, modelConfig: model.config, random: this.#random };
    this.#nextToken = createObjective('ntp', { lossOn, bidirectionalPrefix }, context);
    this.#step = device.compile(
      (inputs: LossInputs) => ({ loss: this.#nextToken.loss(model, inputs).loss }),
      { name: 'validation loss' },
    );
  }

  /** Mean over all scored tokens of the first `count` validation examples. */
  async measure(count: number): Promise<number> {
    let [sum, tokens] = [0, 0];
    for (let first = 0; first < count; first += this.batch) {
      const examples = this.task.batch('validation', first / this.batch, this.batch);
      const prepared = this.#nextToken.prepare(onlyFirst(examples, count - first), this.#random);
      const targets = prepared['targets']?.data as Int32Array;
      const scored = targets.reduce((all, target) => all + (target === IGNORE ? 0 : 1), 0);
      const [loss] = await this.#step.run(prepared).loss.data();
      sum += (loss as number) * scored;
      tokens += scored;
    }
    return sum / tokens;
  }

  dispose(): void {
    this.#step.dispose();
  }
}

/** The batch with no targets behind its first `wanted` sequences: held-out examples start again at their end. */
function onlyFirst(examples: SequenceBatch, wanted: number): SequenceBatch {
  const { batch, time, channels, tokens, targets } = examples;
  if (wanted >= batch) return examples;
  const kept = targets?.slice() ?? tokens.filter((_, at) => at % channels === 0);
  return { ...examples, targets: kept.fill(-1, wanted * time) };
}
