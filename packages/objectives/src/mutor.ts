// Source: "Multi-Token Prediction Needs Registers", arXiv 2505.10518, section 3. B sequences, T tokens, R registers.
import {
  type Drafter,
  forwardFlops,
  TRAINING_FACTOR,
  type Transformer,
  type TransformerConfig,
  type TrunkInputs,
} from '@foretoken/models';
import { Embedding, Module, normal } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { z } from 'zod';
import { registerDrafter } from './drafting/register-drafter.js';
import { ObjectiveConfigError } from './errors.js';
import {
  countTargets,
  crossEntropies,
  input,
  meanCrossEntropy,
  meanOfScored,
  trunkInputs,
} from './inputs.js';
import { gridOffsets, type Offset, sequenceOffsets } from './layout/offsets.js';
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
  TargetCounts,
} from './objective.js';
import { defineObjective, type ObjectiveContext } from './objective-kind.js';
import { type BatchSize, checkBatch, type SequenceBatch } from './sequence-batch.js';
import { commonSettings, share } from './settings.js';

/** Far beyond what can be learned from; every offset is one of a list. */
const MOST_OFFSETS = 4096;
const MOST_GRID_OFFSETS = 64;
const LARGEST_GRID = 4096;

const settings = z
  .strictObject({
    ...commonSettings,
    minOffset: z
      .int()
      .min(1)
      .max(MOST_OFFSETS)
      .default(1)
      .describe('smallest distance from a register to its target, in tokens'),
    maxOffset: z
      .int()
      .min(1)
      .max(MOST_OFFSETS)
      .default(4)
      .describe('largest distance; one is drawn evenly for each sequence and step'),
    offsets: z
      .enum(['sequence', 'grid'])
      .default('sequence')
      .describe(
        "distances along the sequence, or down and to the right on the grid of an image, up to maxOffset rows by maxOffset columns with the register's token as the first (MuToR-2D)",
      ),
    grid: z
      .strictObject({ height: z.int().min(1).max(LARGEST_GRID), width: z.int().min(1).max(LARGEST_GRID) })
      .optional()
      .describe('rows and columns of the image that the tokens behind the prompt are'),
    wrappedTargets: z
      .enum(['keep', 'mask'])
      .default('keep')
      .describe('targets beyond the right border of the grid: the first of the next rows, or not scored'),
    weight: share.default(0.3).describe('share a of the registers: (1 - a) next token + a registers'),
    registers: z
      .enum(['answer', 'everywhere'])
      .default('answer')
      .describe('registers behind the tokens that predict the answer, or behind all tokens but the last'),
    registerCount: z
      .int()
      .min(1)
      .max(2 ** 20)
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
  })
  .superRefine(({ offsets, grid, minOffset, maxOffset, wrappedTargets }, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (offsets === 'sequence') {
      if (wrappedTargets === 'mask')
        refuse('wrappedTargets', 'only a grid has a border; set offsets to grid');
      return;
    }
    if (grid === undefined) refuse('grid', 'offsets on a grid need its height and width');
    if (minOffset !== 1) refuse('minOffset', 'offsets on a grid begin at the token itself; leave it 1');
    if (maxOffset < 2) refuse('maxOffset', 'a grid of offsets needs 2 or more');
    if (maxOffset > MOST_GRID_OFFSETS)
      refuse('maxOffset', `a grid of offsets has at most ${MOST_GRID_OFFSETS} rows and columns`);
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
    const { registers: place, registerCount: count, wrappedTargets, bidirectionalPrefix } = chosen;
    const grid = chosen.offsets === 'grid' ? chosen.grid : undefined;
    const offsets = offsetsOf(chosen);
    this.#settings = chosen;
    this.#plan = { place, offsets, grid, wrappedTargets, count, bidirectionalPrefix };
    this.#nextToken = new NextToken(chosen);
    this.decoding = this.#nextToken.decoding;
    if (chosen.weight === 0) return;
    const { width, initialization } = modelConfig;
    const rows = chosen.vectorPerOffset ? offsets.length : 1;
    const weightInit = normal({ std: chosen.initialStd ?? initialization.embedding });
    this.registers = new Embedding(device, { count: rows, width, weightInit }, random);
  }

  prepare(batch: SequenceBatch, random: HostRandom): PreparedBatch {
    if (this.registers === undefined) return this.#nextToken.prepare(batch);
    checkBatch(this.name, batch);
    return this.#layOut(batch, this.#plan, random);
  }

  #layOut(batch: SequenceBatch, plan: RegisterPlan, random: HostRandom): PreparedBatch {
    const { vectorPerOffset } = this.#settings;
    return registerArrays(batch, { scope: this.#settings, plan, vectorPerOffset }, random);
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    return countTargets(prepared, ['targets', 'registerTargets']);
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    if (this.registers === undefined) return this.#nextToken.loss(model, inputs);
    const { real, added } = this.#hidden(model, inputs, this.registers);
    const nextToken = meanCrossEntropy(model, real, inputs);
    const targets = input(inputs, 'registerTargets');
    const losses = crossEntropies(model, added, targets);
    const registers = meanOfScored(inputs, 'registerTargets', losses);
    const { weight } = this.#settings;
    return {
      loss: nextToken.mul(1 - weight).add(registers.mul(weight)),
      parts: { nextToken, registers },
      shares: this.#sharesByOffset(losses, targets, input(inputs, 'offsetNumbers')),
    };
  }

  /** Hidden states of the real tokens and of the registers. */
  #hidden(
    model: Transformer,
    inputs: LossInputs,
    registers: Embedding,
  ): { readonly real: Tensor; readonly added: Tensor } {
    const hidden = model.trunk(readBy(registers, inputs));
    const time = input(inputs, 'targets').shape[1] as number;
    return { real: hidden.slice(1, 0, time), added: hidden.slice(1, time) };
  }

  /** Sums over the sequences `[B]` of each offset, of which every sequence has drawn one. */
  #sharesByOffset(losses: Tensor, targets: Tensor, offsets: Tensor): LossShares {
    const { offsets: all } = this.#plan;
    const each = losses.device.arange(all.length, 'i32').unsqueeze(0);
    const drawn = offsets.unsqueeze(1).eq(each).cast('f32');
    const byOffset = (values: Tensor): Tensor => drawn.mul(values.sum(1).unsqueeze(1)).sum(0);
    return {
      names: all.map(({ name }) => name),
      sums: byOffset(losses),
      counts: byOffset(targets.ne(IGNORE).cast('f32')),
    };
  }

  /** Registers at every place that they were trained for, with one offset in each pass. */
  offsetPasses(): OffsetPass[] {
    const { registers } = this;
    if (registers === undefined) return [];
    // With one offset and all places there is nothing left to draw.
    const random = new HostRandom(0);
    return this.#plan.offsets.map((offset): OffsetPass => {
      const plan = { ...this.#plan, offsets: [offset], count: undefined };
      return {
        offsets: [offset.distance],
        prepare: (batch) => {
          checkBatch(this.name, batch);
          return this.#layOut(batch, plan, random);
        },
        losses: (model, inputs) => {
          const targets = input(inputs, 'registerTargets');
          const { added } = this.#hidden(model, inputs, registers);
          return [{ losses: crossEntropies(model, added, targets), targets }];
        },
        reads: (inputs) => readBy(registers, inputs),
      };
    });
  }

  /**
   * Drafts tokens with the registers.
   *
   * @param count - at most and by default those of the trained offsets beyond the next token, `maxOffset - 1`; on a grid
   *   those within the row, `maxOffset - 2`
   * @throws ObjectiveConfigError when no register was trained for such offsets
   */
  drafter(count?: number): Drafter {
    const { offsets } = this.#plan;
    const distances = this.registers === undefined ? [] : offsets.map(({ distance }) => distance);
    let trained = 0;
    while (distances.includes(trained + 2)) trained++;
    const draftCount = count ?? trained;
    if (this.registers === undefined || draftCount < 1 || draftCount > trained) {
      const known = distances.length === 0 ? 'none' : distances.join(', ');
      throw new ObjectiveConfigError(
        `mutor: ${draftCount} drafts need registers for offsets 2 to ${draftCount + 1}; trained were ${known}.`,
      );
    }
    const [firstOffset = 1] = this.#settings.vectorPerOffset ? distances : [];
    return registerDrafter({ registers: this.registers, firstOffset, draftCount });
  }

  cost(model: TransformerConfig, { batch, time, prefix }: BatchSize): ObjectiveCost {
    const added = this.registers === undefined ? 0 : registerCount(this.#plan, time, prefix);
    return {
      flops: TRAINING_FACTOR * forwardFlops(model, { batch, time: time + added }),
      tokens: batch * time,
    };
  }
}

/** What the trunk reads of a batch: tokens, and registers as vectors of this table. */
const readBy = (registers: Embedding, inputs: LossInputs): TrunkInputs =>
  trunkInputs(inputs, registers.forward(input(inputs, 'registers')));

function offsetsOf({ offsets, minOffset, maxOffset, grid }: Settings): readonly Offset[] {
  const isOnGrid = offsets === 'grid' && grid !== undefined;
  return isOnGrid ? gridOffsets(grid, maxOffset) : sequenceOffsets(minOffset, maxOffset);
}

export const mutor = defineObjective({
  name: 'mutor',
  title: 'MuToR registers',
  description:
    'learned registers between the tokens predict tokens further ahead (Gerontopoulos et al., 2025)',
  settings,
  create: (chosen, context) => new Mutor(chosen, context),
});
