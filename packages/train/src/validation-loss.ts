import type { SequenceBatch, SequenceTask, Split, Task } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import {
  createObjective,
  IGNORE,
  type LearningObjective,
  type LossInputs,
  type PreparedBatch,
} from '@foretoken/objectives';
import { type CompiledStep, type Device, HostRandom, type Tensor } from '@foretoken/tensor';
import { firstSequences, heldOutBatches } from './evaluation/held-out-batches.js';
import type { WorkControl } from './events.js';
import type { HeldOutLoss } from './workload.js';

/** Which predictions are scored: settings that all objectives on sequences share. */
export interface LossSettings {
  readonly lossOn?: unknown;
  readonly bidirectionalPrefix?: unknown;
}

/** How the loss of examples is told from that of others in the same batch. */
export interface Scoring<Batch, Model> {
  /** One that draws nothing. */
  readonly objective: LearningObjective<Batch, Model>;
  /** The batch with nothing to score behind its first `wanted` examples. */
  readonly onlyFirst: (batch: Batch, wanted: number) => Batch;
  /** How many things the loss of a batch is the mean of. */
  scored(prepared: PreparedBatch): number;
}

/**
 * A plain loss of a model on validation examples, whatever it was trained with: no registers, no heads, no dropout. A mean
 * over all that is scored, so that it does not depend on how examples fall into batches.
 */
export class ValidationLoss<Batch, Model> implements HeldOutLoss {
  readonly #step: CompiledStep<LossInputs, { loss: Tensor }>;
  readonly #random = new HostRandom(0);

  /** @param batch - examples that go through the model at a time */
  constructor(
    device: Device,
    readonly task: Task<Batch>,
    model: Model,
    readonly scoring: Scoring<Batch, Model>,
    readonly batch: number,
  ) {
    this.#step = device.compile(
      (inputs: LossInputs) => ({ loss: scoring.objective.loss(model, inputs).loss }),
      { name: 'validation loss' },
    );
  }

  /**
   * Mean over all that is scored of the first `count` examples of a held-out split, the validation split by default: the
   * test split is for what a study ends with.
   *
   * @throws the reason of the signal, between two batches
   */
  async measure(
    count: number,
    split: Exclude<Split, 'train'> = 'validation',
    { signal, onPhase = () => {} }: WorkControl = {},
  ): Promise<number> {
    const { task, batch, scoring } = this;
    let [sum, all, done] = [0, 0, 0];
    const phase = split === 'test' ? 'test' : 'validation';
    const tell = (): void => onPhase({ phase, done, total: Math.ceil(count / batch), unit: 'batches' });
    for (const examples of heldOutBatches(task, { split, count, batch }, scoring.onlyFirst)) {
      signal?.throwIfAborted();
      const prepared = scoring.objective.prepare(examples, this.#random);
      const scored = scoring.scored(prepared);
      if (done === 0) {
        // Side by side, where the first run would compile one shader after the other.
        await this.#step.warmUp(prepared, {
          tune: false,
          onProgress: (made, total) => onPhase({ phase: 'compile', done: made, total, unit: 'shaders' }),
        });
        tell();
      }
      const [loss] = await this.#step.run(prepared).loss.data();
      sum += (loss as number) * scored;
      all += scored;
      done++;
      tell();
    }
    return sum / all;
  }

  dispose(): void {
    this.#step.dispose();
  }
}

/**
 * The loss of the next tokens of validation examples.
 *
 * @param settings - of the objective that is trained: the same tokens are scored, and prompts are read as in training
 * @param batch - examples that go through the model at a time
 */
export function nextTokenLoss(
  device: Device,
  task: SequenceTask,
  model: Transformer,
  { lossOn, bidirectionalPrefix }: LossSettings,
  batch: number,
): ValidationLoss<SequenceBatch, Transformer> {
  const context = { device, modelConfig: model.config, random: new HostRandom(0) };
  const objective = createObjective('ntp', { lossOn, bidirectionalPrefix }, context);
  const scoring: Scoring<SequenceBatch, Transformer> = { objective, onlyFirst: firstSequences, scored };
  return new ValidationLoss(device, task, model, scoring, batch);
}

function scored({ targets }: PreparedBatch): number {
  const values = targets?.data as Int32Array;
  return values.reduce((all, target) => all + (target === IGNORE ? 0 : 1), 0);
}
