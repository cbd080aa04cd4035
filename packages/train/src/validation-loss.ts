import type { SequenceTask, Split } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { createObjective, IGNORE, type LossInputs, type Objective } from '@foretoken/objectives';
import { type CompiledStep, type Device, HostRandom, type Tensor } from '@foretoken/tensor';
import { heldOutBatches } from './evaluation/held-out-batches.js';

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

  /**
   * Mean over all scored tokens of the first `count` examples of a held-out split, the validation split by default: the
   * test split is for what a study ends with.
   */
  async measure(count: number, split: Exclude<Split, 'train'> = 'validation'): Promise<number> {
    let [sum, tokens] = [0, 0];
    for (const examples of heldOutBatches(this.task, { split, count, batch: this.batch })) {
      const prepared = this.#nextToken.prepare(examples, this.#random);
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
