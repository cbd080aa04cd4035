// B sequences, T positions, C channels, D width.
import { type Transformer, type TrunkInputs, visible } from '@foretoken/models';
import { type HostInput, linearCrossEntropy, type Tensor } from '@foretoken/tensor';
import { ObjectiveBatchError } from './errors.js';
import type { SequenceLayout } from './layout/sequences.js';
import { IGNORE } from './layout/targets.js';
import type { LossInputs, PreparedBatch, TargetCounts } from './objective.js';
import type { SequenceBatch } from './sequence-batch.js';

/** Integers of a shape, as an input of a compiled step. */
export function int32(data: Int32Array, shape: readonly number[]): HostInput {
  return { data, shape };
}

/** `[B, T]`, or `[B, T, C]` where positions have several ids. */
export function tokenShape({ batch, time, channels }: SequenceBatch): number[] {
  return channels === 1 ? [batch, time] : [batch, time, channels];
}

/** What the trunk needs to read the real tokens of a batch and nothing else. */
export function trunkArrays(
  batch: SequenceBatch,
  layout: SequenceLayout,
  bidirectionalPrefix: boolean,
): PreparedBatch {
  const shape = [batch.batch, batch.time];
  return {
    tokens: int32(batch.tokens, tokenShape(batch)),
    positions: int32(layout.positions, shape),
    order: int32(layout.order, shape),
    segment: int32(layout.segment, shape),
    ...(bidirectionalPrefix ? { prefix: int32(layout.prefix, shape) } : {}),
  };
}

/**
 * The input of this name.
 *
 * @throws ObjectiveBatchError when `loss` was not given what `prepare` made
 */
export function input(inputs: LossInputs, name: string): Tensor {
  const tensor = inputs[name];
  if (tensor === undefined) {
    const names = Object.keys(inputs).join(', ');
    throw new ObjectiveBatchError(
      `loss: expected an input ${name} as prepare() makes it, got only: ${names}.`,
    );
  }
  return tensor;
}

/**
 * Trunk inputs from the arrays of `prepare`: the mask follows from `order`, `segment`, `slot` and `prefix`. A prompt
 * is read in both directions when there is an input `prefix`.
 */
export function trunkInputs(
  inputs: LossInputs,
  embeddings?: Tensor,
): TrunkInputs & { readonly mask: Tensor } {
  const { slot, prefix, dropoutKey } = inputs;
  const metadata = { order: input(inputs, 'order'), segment: input(inputs, 'segment'), slot, prefix };
  return {
    tokens: input(inputs, 'tokens'),
    embeddings,
    positions: input(inputs, 'positions'),
    mask: visible(metadata, metadata, { bidirectional: prefix !== undefined }),
    dropoutKey,
  };
}

/** Cross-entropy of each target `[B, T]` with hidden states `[B, T, D]` after the final norm: `[B, T]`, 0 where none is scored. */
export function crossEntropies(model: Transformer, hidden: Tensor, targets: Tensor): Tensor {
  const rows = hidden.reshape([-1, model.config.width]);
  const losses = linearCrossEntropy(rows, model.unembedding, targets.reshape([-1]), {
    ignoreIndex: IGNORE,
    softCap: model.config.logitSoftCap,
    reduction: 'none',
  });
  return losses.reshape(targets.shape);
}

/** Number of scored targets of some arrays of a prepared batch, by name. */
export const countTargets = (prepared: PreparedBatch, names: readonly string[]): TargetCounts =>
  Object.fromEntries(
    names.flatMap((name) => {
      const array = prepared[name];
      return array === undefined
        ? []
        : [[name, (array.data as Int32Array).reduce((count, id) => (id === IGNORE ? count : count + 1), 0)]];
    }),
  );

/** The input that holds what a mean over the targets `name` divides by. */
const countInput = (name: string): string => `${name}Count`;

/**
 * Inputs that make the means over the targets of a micro-batch add up to the mean over all targets of an update: where
 * every micro-batch divides by `total / microBatches`, the mean of the micro-batches' losses is the sum over all targets
 * divided by `total`.
 *
 * @param totals - targets of all micro-batches together
 */
export const countInputs = (totals: TargetCounts, microBatches: number): PreparedBatch =>
  Object.fromEntries(
    Object.entries(totals).map(([name, total]) => [
      countInput(name),
      { data: Float32Array.of(total === 0 ? 1 : total / microBatches), shape: [] },
    ]),
  );

/**
 * The mean of losses over the targets of input `name`: over those of this batch, or as `countInputs` says.
 *
 * @param count - number of targets of this batch, f32 scalar
 */
export const meanOver = (inputs: LossInputs, name: string, losses: Tensor, count: Tensor): Tensor =>
  losses.sum().div(inputs[countInput(name)] ?? count.maximum(1));

/** The mean of the losses of the targets of input `name` that are scored; 0 without any. */
export const meanOfScored = (inputs: LossInputs, name: string, losses: Tensor): Tensor =>
  meanOver(inputs, name, losses, input(inputs, name).ne(IGNORE).cast('f32').sum());

/**
 * Mean cross-entropy of hidden states `[B, T, D]` after the final norm against the targets `[B, T]` of input `name`; 0
 * without any.
 */
export const meanCrossEntropy = (
  model: Transformer,
  hidden: Tensor,
  inputs: LossInputs,
  name = 'targets',
): Tensor => meanOfScored(inputs, name, crossEntropies(model, hidden, input(inputs, name)));
