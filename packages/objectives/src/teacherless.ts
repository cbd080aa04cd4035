// Source: "The Pitfalls of Next-Token Prediction", arXiv 2403.06963, section 5. B sequences, T positions, D width.
import { forwardFlops, TRAINING_FACTOR, type Transformer, type TransformerConfig } from '@foretoken/models';
import { Embedding, Module, normal } from '@foretoken/nn';
import { embedding, type Tensor } from '@foretoken/tensor';
import { z } from 'zod';
import { countTargets, input, int32, meanCrossEntropy, trunkInputs } from './inputs.js';
import { answerRows, answerTemplate, blankedArrays } from './layout/blanks.js';
import { NextToken } from './next-token.js';
import type {
  Decoding,
  LossInputs,
  Objective,
  ObjectiveCost,
  ObjectiveLoss,
  PreparedBatch,
  TargetCounts,
} from './objective.js';
import { defineObjective, type ObjectiveContext } from './objective-kind.js';
import { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
import { commonSettings, share } from './settings.js';

const settings = z.strictObject({
  ...commonSettings,
  weight: share
    .default(1)
    .describe(
      'share w of the teacherless loss: (1 - w) next token + w teacherless; below 1 costs a second pass',
    ),
  initialStd: z
    .number()
    .nonnegative()
    .optional()
    .describe('standard deviation of the first blank vector; that of the token embeddings when absent'),
});

type Settings = z.output<typeof settings>;

/**
 * The answer's inputs are all replaced by one learned blank vector, so that the whole answer must be predicted from
 * the prompt alone. Targets, positions and mask stay those of next-token prediction.
 *
 * With weight 1 the model answers in one parallel pass over blanks. Below 1 each sequence is read twice, with its
 * tokens and with blanks, the loss is `(1 - w) L_ntp + w L_teacherless`, and the model answers token by token.
 */
export class Teacherless extends Module implements Objective {
  readonly name = 'teacherless';
  readonly decoding: Decoding;
  /** The blank: one row; absent when the teacherless loss has no weight. */
  readonly blank: Embedding | undefined;
  readonly #settings: Settings;
  readonly #nextToken: NextToken;

  constructor(chosen: Settings, { device, modelConfig, random }: ObjectiveContext) {
    super();
    this.#settings = chosen;
    this.#nextToken = new NextToken(chosen);
    this.decoding = chosen.weight < 1 ? this.#nextToken.decoding : this.#parallelDecoding();
    if (chosen.weight === 0) return;
    const { width, initialization } = modelConfig;
    const weightInit = normal({ std: chosen.initialStd ?? initialization.embedding });
    this.blank = new Embedding(device, { count: 1, width, weightInit }, random);
  }

  prepare(batch: SequenceBatch): PreparedBatch {
    if (this.blank === undefined) return this.#nextToken.prepare(batch);
    checkBatch(this.name, batch);
    return blankedArrays(this.name, batch, { scope: this.#settings, withTokens: this.#settings.weight < 1 });
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    return countTargets(prepared, ['targets']);
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    if (this.blank === undefined) return this.#nextToken.loss(model, inputs);
    const hidden = this.#hidden(model, inputs);
    const { weight } = this.#settings;
    if (weight === 1) {
      const teacherless = meanCrossEntropy(model, hidden, inputs);
      return { loss: teacherless, parts: { teacherless } };
    }
    const rows = input(inputs, 'targets').shape[0] as number;
    const nextToken = meanCrossEntropy(model, hidden.slice(0, 0, rows), inputs);
    const teacherless = meanCrossEntropy(model, hidden.slice(0, rows), inputs);
    return {
      loss: nextToken.mul(1 - weight).add(teacherless.mul(weight)),
      parts: { nextToken, teacherless },
    };
  }

  cost(model: TransformerConfig, { batch, time }: BatchSize): ObjectiveCost {
    const { weight } = this.#settings;
    const passes = weight > 0 && weight < 1 ? 2 : 1;
    return {
      flops: TRAINING_FACTOR * forwardFlops(model, { batch: passes * batch, time }),
      tokens: batch * time,
    };
  }

  #hidden(model: Transformer, inputs: LossInputs): Tensor {
    return model.trunk(trunkInputs(inputs, this.blank?.forward(input(inputs, 'blanks'))));
  }

  #parallelDecoding(): Decoding {
    return {
      kind: 'parallel',
      prepare: (prompts, answerLength) => {
        checkBatch(this.name, prompts);
        const template = answerTemplate(this.name, prompts, answerLength);
        const { targets: _, ...arrays } = blankedArrays(this.name, template, {
          scope: this.#settings,
          withTokens: false,
        });
        return {
          ...arrays,
          answerRows: int32(answerRows(template, answerLength), [prompts.batch, answerLength]),
        };
      },
      predict: (model, inputs) => {
        // Only the hidden states that predict the answer are multiplied with the output.
        const hidden = this.#hidden(model, inputs).reshape([-1, model.config.width]);
        return model.logits(embedding(hidden, input(inputs, 'answerRows'))).argmax(-1);
      },
    };
  }
}

export const teacherless = defineObjective({
  name: 'teacherless',
  title: 'teacherless',
  description:
    'the whole answer is predicted from the prompt, with blanks for inputs (Bachmann and Nagarajan, 2024)',
  settings,
  create: (chosen, context) => new Teacherless(chosen, context),
});
