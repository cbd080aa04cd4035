import { forwardFlops, TRAINING_FACTOR, type Transformer, type TransformerConfig } from '@foretoken/models';
import { Module } from '@foretoken/nn';
import { z } from 'zod';
import { countTargets, int32, meanCrossEntropy, trunkArrays, trunkInputs } from './inputs.js';
import { layOutSequences } from './layout/sequences.js';
import { type LossScope, shiftedTargets } from './layout/targets.js';
import type {
  Decoding,
  LossInputs,
  Objective,
  ObjectiveCost,
  ObjectiveLoss,
  PreparedBatch,
  TargetCounts,
} from './objective.js';
import { defineObjective } from './objective-kind.js';
import { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
import { commonSettings } from './settings.js';

/** Each token predicts the next one: the mean cross-entropy over the targets in scope. */
export class NextToken extends Module implements Objective {
  readonly name = 'ntp';
  readonly decoding: Decoding;
  readonly #scope: LossScope;

  constructor(scope: LossScope) {
    super();
    this.#scope = scope;
    this.decoding = { kind: 'autoregressive', bidirectionalPrefix: scope.bidirectionalPrefix };
  }

  prepare(batch: SequenceBatch): PreparedBatch {
    checkBatch(this.name, batch);
    const layout = layOutSequences(batch);
    return {
      ...trunkArrays(batch, layout, this.#scope.bidirectionalPrefix),
      targets: int32(shiftedTargets(batch, layout, 1, this.#scope), [batch.batch, batch.time]),
    };
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    return countTargets(prepared, ['targets']);
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    const nextToken = meanCrossEntropy(model, model.trunk(trunkInputs(inputs)), inputs);
    return { loss: nextToken, parts: { nextToken } };
  }

  cost(model: TransformerConfig, { batch, time }: BatchSize): ObjectiveCost {
    return { flops: TRAINING_FACTOR * forwardFlops(model, { batch, time }), tokens: batch * time };
  }
}

export const nextToken = defineObjective({
  name: 'ntp',
  title: 'next-token',
  description: 'each token predicts the next one',
  settings: z.strictObject(commonSettings),
  create: (settings) => new NextToken(settings),
});
