// Source: "Better & Faster Large Language Models via Multi-token Prediction", arXiv 2404.19737, section 2.

import type { Drafter, Transformer, TransformerConfig } from '@foretoken/models';
import { Block, blockFlops, forwardFlops, logitsFlops, TRAINING_FACTOR } from '@foretoken/models';
import { Module } from '@foretoken/nn';
import type { Tensor } from '@foretoken/tensor';
import { z } from 'zod';
import { headDrafter } from './drafting/head-drafter.js';
import { ObjectiveConfigError } from './errors.js';
import {
  countTargets,
  crossEntropies,
  input,
  int32,
  meanOfScored,
  trunkArrays,
  trunkInputs,
} from './inputs.js';
import { layOutSequences } from './layout/sequences.js';
import { shiftedTargets } from './layout/targets.js';
import type {
  Decoding,
  LossInputs,
  Objective,
  ObjectiveCost,
  ObjectiveLoss,
  OffsetLosses,
  OffsetPass,
  PreparedBatch,
  TargetCounts,
} from './objective.js';
import { defineObjective, type ObjectiveContext } from './objective-kind.js';
import { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
import { commonSettings, share } from './settings.js';

const settings = z.strictObject({
  ...commonSettings,
  heads: z
    .int()
    .min(1)
    .max(256)
    .default(3)
    .describe('heads in all; the first is the model itself, each other one a block more'),
  weight: share
    .optional()
    .describe(
      'share a of the other heads: (1 - a) first + a mean of the others; the plain sum of all when absent',
    ),
});

type Settings = z.output<typeof settings>;

/**
 * Head k predicts the token k places ahead. The first head is the model itself; every other one is a block of its
 * own on the last hidden states, before the final norm and the output that all heads share.
 *
 * Loss: the sum of the heads' means (as in the paper), or `(1 - a) head1 + a mean(head2..)` with a weight.
 */
export class MultiToken extends Module implements Objective {
  readonly name = 'mtp';
  readonly decoding: Decoding;
  /** The blocks of heads 2 and on. */
  readonly heads: readonly Block[];
  readonly #settings: Settings;

  constructor(chosen: Settings, { device, modelConfig, random }: ObjectiveContext) {
    super();
    this.#settings = chosen;
    this.decoding = { kind: 'autoregressive', bidirectionalPrefix: chosen.bidirectionalPrefix };
    // Heads whose loss counts for nothing are not made at all.
    const extra = chosen.weight === 0 ? 0 : chosen.heads - 1;
    this.heads = Array.from({ length: extra }, () => new Block(device, modelConfig, random));
  }

  prepare(batch: SequenceBatch): PreparedBatch {
    checkBatch(this.name, batch);
    const layout = layOutSequences(batch);
    const prepared = trunkArrays(batch, layout, this.#settings.bidirectionalPrefix);
    for (let head = 1; head <= this.heads.length + 1; head++) {
      const targets = shiftedTargets(batch, layout, head, this.#settings);
      prepared[targetsOf(head)] = int32(targets, [batch.batch, batch.time]);
    }
    return prepared;
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    return countTargets(
      prepared,
      Array.from({ length: this.heads.length + 1 }, (_, index) => targetsOf(index + 1)),
    );
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    const means = this.#losses(model, inputs).map(({ losses }, index) =>
      meanOfScored(inputs, targetsOf(index + 1), losses),
    );
    const parts = Object.fromEntries(means.map((mean, index) => [`head${index + 1}`, mean]));
    return { loss: this.#combine(means), parts };
  }

  /** The losses of each head. */
  #losses(model: Transformer, inputs: LossInputs): OffsetLosses[] {
    const trunk = trunkInputs(inputs);
    const hidden = model.residual(trunk);
    const context = model.context(trunk);
    // Each head's logits live within its own cross-entropy, so no two of them are in memory together.
    return [hidden, ...this.heads.map((head) => head.forward(hidden, context))].map((states, index) => {
      const targets = input(inputs, targetsOf(index + 1));
      return { losses: crossEntropies(model, model.finalNorm.forward(states), targets), targets };
    });
  }

  /** One pass for all heads, the model itself being the first. */
  offsetPasses(): OffsetPass[] {
    return [
      {
        offsets: Array.from({ length: this.heads.length + 1 }, (_, at) => at + 1),
        prepare: (batch) => this.prepare(batch),
        losses: (model, inputs) => this.#losses(model, inputs),
      },
    ];
  }

  #combine([first, ...others]: readonly Tensor[]): Tensor {
    const { weight } = this.#settings;
    const sum = (terms: readonly Tensor[]): Tensor => terms.reduce((total, term) => total.add(term));
    if (first === undefined) throw new RangeError('internal: multi-token loss without a head.');
    if (others.length === 0) return first;
    if (weight === undefined) return sum([first, ...others]);
    return first.mul(1 - weight).add(sum(others).mul(weight / others.length));
  }

  /**
   * Drafts tokens with the heads.
   *
   * @param count - how many of the heads beyond the first; default all
   * @throws ObjectiveConfigError when there are fewer
   */
  drafter(count = this.heads.length): Drafter {
    if (count < 1 || count > this.heads.length) {
      throw new ObjectiveConfigError(
        `mtp: ${count} drafts need as many heads beyond the first; there are ${this.heads.length}.`,
      );
    }
    return headDrafter(this.heads.slice(0, count));
  }

  cost(model: TransformerConfig, { batch, time }: BatchSize): ObjectiveCost {
    const head = blockFlops(model, { batch, time }) + logitsFlops(model, batch * time);
    const forward = forwardFlops(model, { batch, time }) + this.heads.length * head;
    return { flops: TRAINING_FACTOR * forward, tokens: batch * time };
  }
}

const targetsOf = (head: number): string => `targets${head}`;

export const multiToken = defineObjective({
  name: 'mtp',
  title: 'multi-token heads',
  description: 'extra heads, one block each, predict the tokens further ahead (Gloeckle et al., 2024)',
  settings,
  create: (chosen, context) => new MultiToken(chosen, context),
});
