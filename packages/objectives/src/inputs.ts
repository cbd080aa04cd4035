// B sequences, T positions, C channels, D width.
import { type Transformer, type TrunkInputs, visible } from '@foretoken/models';
import { type HostInput, linearCrossEntropy, type Tensor } from '@foretoken/tensor';
import { ObjectiveBatchError } from './errors.js';
import type { SequenceLayout } from './layout/sequences.js';
import { IGNORE } from './layout/targets.js';
import type { LossInputs, PreparedBatch } from './objective.js';
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

/** The mean of the losses of targets that are scored; 0 without any. */
export const meanOfScored = (losses: Tensor, targets: Tensor): Tensor =>
  losses.sum().div(targets.ne(IGNORE).cast('f32').sum().maximum(1));

/** Mean cross-entropy of hidden states `[B, T, D]` after the final norm against targets `[B, T]`; 0 without any. */
export const meanCrossEntropy = (model: Transformer, hidden: Tensor, targets: Tensor): Tensor =>
  meanOfScored(crossEntropies(model, hidden, targets), targets);
