// Source: "Multi-Token Prediction Needs Registers", arXiv 2505.10518, section 3. B sequences, T tokens, R registers.
import {
  type Drafter,
  forwardFlops,
  TRAINING_FACTOR,
  type Transformer,
  type TransformerConfig,
} from '@foretoken/models';
import { Embedding, Module, normal } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { z } from 'zod';
import { registerDrafter } from './drafting/register-drafter.js';
import { ObjectiveConfigError } from './errors.js';
import { crossEntropies, input, meanCrossEntropy, meanOfScored, trunkInputs } from './inputs.js';
import { registerArrays } from './layout/register-arrays.js';
import { type RegisterPlan, registerCount } from './layout/registers.js';
import { IGNORE } from './layout/targets.js';
import { NextToken } from './next-token.js';
import type {
  Decoding,
  LossInputs,
  LossShares,
  Objective,
  ObjectiveCost,
  ObjectiveLoss,
  OffsetPass,
  PreparedBatch,
} from './objective.js';
import { defineObjective, type ObjectiveContext } from './objective-kind.js';
import { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
import { commonSettings, share } from './settings.js';

const settings = z
  .strictObject({
    ...commonSettings,
    minOffset: z
      .int()
      .min(1)
      .default(1)
      .describe('smallest distance from a register to its target, in tokens'),
    maxOffset: z
      .int()
      .min(1)
      .default(4)
      .describe('largest distance; one is drawn evenly for each sequence and step'),
    weight: share.default(0.3).describe('share a of the registers: (1 - a) next token + a registers'),
    registers: z
      .enum(['answer', 'everywhere'])
      .default('answer')
      .describe('registers behind the tokens that predict the answer, or behind all tokens but the last'),
    registerCount: z
      .int()
      .min(1)
      .optional()
      .describe(
        'registers of a sequence, at places drawn anew for each step; one at every place when absent',
      ),
    vectorPerOffset: z
      .boolean()
      .default(false)
      .describe('one learned vector for each distance instead of a shared one'),
    initialStd: z
      .number()
      .nonnegative()
      .optional()
      .describe('standard deviation of the first register vectors; that of the token embeddings when absent'),
  })
  .refine(({ minOffset, maxOffset }) => minOffset <= maxOffset, {
    path: ['minOffset'],
    error: 'minOffset must not be above maxOffset',
  });

type Settings = z.output<typeof settings>;

/**
 * Registers: learned vectors behind tokens, which nothing else sees, predict tokens further ahead. A register knows
 * how far only by its position id, which is that of the token just before its target.
 *
 * Loss: `(1 - a) L_ntp + a L_reg`, each the mean over its own targets. The registers of a batch lie behind its real
 * tokens, `[B, T + R]`; positions and mask say where they belong. With weight 0 there are none.
 */
export class Mutor extends Module implements Objective {
  readonly name = 'mutor';
  readonly decoding: Decoding;
  /** One row, or one for each offset; absent when registers have no weight. */
  readonly registers: Embedding | undefined;
  readonly #settings: Settings;
  readonly #plan: RegisterPlan;
  readonly #nextToken: NextToken;

  constructor(chosen: Settings, { device, modelConfig, random }: ObjectiveContext) {
    super();
    const { minOffset, maxOffset, registers: place, registerCount: count, bidirectionalPrefix } = chosen;
    this.#settings = chosen;
    this.#plan = { place, minOffset, maxOffset, count, bidirectionalPrefix };
    this.#nextToken = new NextToken(chosen);
    this.decoding = this.#nextToken.decoding;
    if (chosen.weight === 0) return;
    const { width, initialization } = modelConfig;
    const rows = chosen.vectorPerOffset ? maxOffset - minOffset + 1 : 1;
    const weightInit = normal({ std: chosen.initialStd ?? initialization.embedding });
    this.registers = new Embedding(device, { count: rows, width, weightInit }, random);
  }

  prepare(batch: SequenceBatch, random: HostRandom): PreparedBatch {
    if (this.registers === undefined) return this.#nextToken.prepare(batch);
    checkBatch(this.name, batch);
    return this.#layOut(batch, this.#plan, random);
  }

  #layOut(batch: SequenceBatch, plan: RegisterPlan, random: HostRandom): PreparedBatch {
    const { vectorPerOffset, minOffset } = this.#settings;
    const firstOffset = vectorPerOffset ? minOffset : undefined;
    return registerArrays(batch, { scope: this.#settings, plan, firstOffset }, random);
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    if (this.registers === undefined) return this.#nextToken.loss(model, inputs);
    const { real, added } = this.#hidden(model, inputs, this.registers);
    const nextToken = meanCrossEntropy(model, real, input(inputs, 'targets'));
    const targets = input(inputs, 'registerTargets');
    const losses = crossEntropies(model, added, targets);
    const registers = meanOfScored(losses, targets);
    const { weight } = this.#settings;
    return {
      loss: nextToken.mul(1 - weight).add(registers.mul(weight)),
      parts: { nextToken, registers },
      shares: this.#sharesByOffset(losses, targets, input(inputs, 'offsets')),
    };
  }

  /** Hidden states of the real tokens and of the registers. */
  #hidden(
    model: Transformer,
    inputs: LossInputs,
    registers: Embedding,
  ): { readonly real: Tensor; readonly added: Tensor } {
    const hidden = model.trunk(trunkInputs(inputs, registers.forward(input(inputs, 'registers'))));
    const time = input(inputs, 'targets').shape[1] as number;
    return { real: hidden.slice(1, 0, time), added: hidden.slice(1, time) };
  }

  /** Sums over the sequences `[B]` of each offset, of which every sequence has drawn one. */
  #sharesByOffset(losses: Tensor, targets: Tensor, offsets: Tensor): LossShares {
    const { minOffset, maxOffset } = this.#settings;
    const count = maxOffset - minOffset + 1;
    const each = losses.device.arange(count, 'i32').add(minOffset).unsqueeze(0);
    const drawn = offsets.unsqueeze(1).eq(each).cast('f32');
    const byOffset = (values: Tensor): Tensor => drawn.mul(values.sum(1).unsqueeze(1)).sum(0);
    return {
      names: Array.from({ length: count }, (_, at) => `offset${minOffset + at}`),
      sums: byOffset(losses),
      counts: byOffset(targets.ne(IGNORE).cast('f32')),
    };
  }

  /** Registers at every place that they were trained for, with one offset in each pass. */
  offsetPasses(): OffsetPass[] {
    const { registers } = this;
    if (registers === undefined) return [];
    const { minOffset, maxOffset } = this.#settings;
    // With one offset and all places there is nothing left to draw.
    const random = new HostRandom(0);
    return Array.from({ length: maxOffset - minOffset + 1 }, (_, at): OffsetPass => {
      const offset = minOffset + at;
      const plan = { ...this.#plan, minOffset: offset, maxOffset: offset, count: undefined };
      return {
        offsets: [offset],
        prepare: (batch) => {
          checkBatch(this.name, batch);
          return this.#layOut(batch, plan, random);
        },
        losses: (model, inputs) => {
          const targets = input(inputs, 'registerTargets');
          const { added } = this.#hidden(model, inputs, registers);
          return [{ losses: crossEntropies(model, added, targets), targets }];
        },
      };
    });
  }

  /**
   * Drafts tokens with the registers.
   *
   * @param count - at most and by default those of the trained offsets beyond the next token: `maxOffset - 1`
   * @throws ObjectiveConfigError when no register was trained for such offsets
   */
  drafter(count = this.#settings.maxOffset - 1): Drafter {
    const { minOffset, maxOffset, vectorPerOffset } = this.#settings;
    if (this.registers === undefined || minOffset > 2 || count < 1 || count > maxOffset - 1) {
      const trained = this.registers === undefined ? 'none' : `${minOffset} to ${maxOffset}`;
      throw new ObjectiveConfigError(
        `mutor: ${count} drafts need registers for offsets 2 to ${count + 1}; trained were ${trained}.`,
      );
    }
    return registerDrafter({
      registers: this.registers,
      firstOffset: vectorPerOffset ? minOffset : 1,
      draftCount: count,
    });
  }

  cost(model: TransformerConfig, { batch, time, prefix }: BatchSize): ObjectiveCost {
    const added = this.registers === undefined ? 0 : registerCount(this.#plan, time, prefix);
    return {
      flops: TRAINING_FACTOR * forwardFlops(model, { batch, time: time + added }),
      tokens: batch * time,
    };
  }
}

export const mutor = defineObjective({
  name: 'mutor',
  title: 'MuToR registers',
  description:
    'learned registers between the tokens predict tokens further ahead (Gerontopoulos et al., 2025)',
  settings,
  create: (chosen, context) => new Mutor(chosen, context),
});
