import {
  forwardFlops,
  logitsFlops,
  TRAINING_FACTOR,
  type Transformer,
  type TransformerConfig,
} from '@foretoken/models';
import { Linear, Module } from '@foretoken/nn';
import {
  type BatchSize,
  checkBatch,
  commonSettings,
  countTargets,
  defineObjective,
  IGNORE,
  input,
  int32,
  type LossInputs,
  layOutSequences,
  meanCrossEntropy,
  meanOfScored,
  type Objective,
  type ObjectiveContext,
  type ObjectiveCost,
  type ObjectiveLoss,
  type PreparedBatch,
  type SequenceBatch,
  shiftedTargets,
  type TargetCounts,
  trunkArrays,
  trunkInputs,
} from '@foretoken/objectives';
import { crossEntropy } from '@foretoken/tensor';
import { z } from 'zod';

const settings = z.strictObject({
  ...commonSettings,
  distance: z.int().min(2).default(3).describe('how far ahead the extra output predicts'),
  weight: z.number().min(0).max(1).default(0.3).describe('share of the extra output in the loss'),
});

/** Next-token prediction, and a second output that predicts the token `distance` places ahead. */
class Leap extends Module implements Objective {
  readonly name = 'leap';
  readonly decoding;
  readonly ahead: Linear;
  readonly #settings: z.output<typeof settings>;

  constructor(chosen: z.output<typeof settings>, { device, modelConfig, random }: ObjectiveContext) {
    super();
    this.#settings = chosen;
    this.decoding = { kind: 'autoregressive', bidirectionalPrefix: chosen.bidirectionalPrefix } as const;
    const [inWidth, outWidth] = [modelConfig.width, modelConfig.vocabularySize];
    this.ahead = new Linear(device, { inWidth, outWidth, bias: false }, random);
  }

  prepare(batch: SequenceBatch): PreparedBatch {
    checkBatch(this.name, batch);
    const layout = layOutSequences(batch);
    const targets = (distance: number) =>
      int32(shiftedTargets(batch, layout, distance, this.#settings), [batch.batch, batch.time]);
    const { distance, bidirectionalPrefix } = this.#settings;
    return { ...trunkArrays(batch, layout, bidirectionalPrefix), next: targets(1), ahead: targets(distance) };
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    return countTargets(prepared, ['next', 'ahead']);
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    const hidden = model.trunk(trunkInputs(inputs));
    const nextToken = meanCrossEntropy(model, hidden, inputs, 'next');
    const rows = this.ahead.forward(hidden).reshape([-1, model.config.vocabularySize]);
    const options = { ignoreIndex: IGNORE, reduction: 'none' } as const;
    const losses = crossEntropy(rows, input(inputs, 'ahead').reshape([-1]), options);
    const leap = meanOfScored(inputs, 'ahead', losses);
    const { weight } = this.#settings;
    return { loss: nextToken.mul(1 - weight).add(leap.mul(weight)), parts: { nextToken, leap } };
  }

  cost(model: TransformerConfig, { batch, time }: BatchSize): ObjectiveCost {
    const forward = forwardFlops(model, { batch, time }) + logitsFlops(model, batch * time);
    return { flops: TRAINING_FACTOR * forward, tokens: batch * time };
  }
}

export const leap = defineObjective({
  name: 'leap',
  title: 'leap',
  description: 'a second output predicts one token further ahead',
  settings,
  create: (chosen, context) => new Leap(chosen, context),
});
