import type { Drafter, Transformer, TransformerConfig, TrunkInputs } from '@foretoken/models';
import type { HostInput, HostRandom, Tensor, Variable } from '@foretoken/tensor';
import type { BatchSize, SequenceBatch } from './sequence-batch.js';

/** Numbers of scored targets, by the name of the input that holds them. */
export type TargetCounts = Readonly<Record<string, number>>;

/** Arrays with their shapes, by name: the inputs of a compiled step. */
export type PreparedBatch = Record<string, HostInput>;

/** The same inputs as tensors, within the step. */
export type LossInputs = Readonly<Record<string, Tensor>>;

export interface ObjectiveLoss {
  /** The scalar to minimize. */
  readonly loss: Tensor;
  /** Means that the loss is made of, before weighting, for the log. */
  readonly parts: Readonly<Record<string, Tensor>>;
  /** The same losses by what they predict, for the log. */
  readonly shares?: LossShares;
}

/**
 * Losses of some of the targets each, which a batch may have none of: sums with the numbers of targets that they are
 * over, so that whoever reads them knows which are there.
 */
export interface LossShares {
  /** K names, that of the distance to the target for instance: `offset2`. */
  readonly names: readonly string[];
  /** f32 `[K]` */
  readonly sums: Tensor;
  /** f32 `[K]` */
  readonly counts: Tensor;
}

export interface ObjectiveCost {
  /** Training FLOPs of one step: three times the multiplications and additions of the forward matmuls. */
  readonly flops: number;
  /** Tokens of data in one step: positions of the batch, whatever the objective adds to them. */
  readonly tokens: number;
}

/** Answers come token by token from the model alone; whatever the objective adds is dropped. */
export interface AutoregressiveDecoding {
  readonly kind: 'autoregressive';
  /** The prompt was read in both directions in training, and so it must be here. */
  readonly bidirectionalPrefix: boolean;
}

/** The whole answer comes from one pass. */
export interface ParallelDecoding {
  readonly kind: 'parallel';
  /**
   * Inputs of `predict` for prompts (`lengths` equal to `prefixLengths`) and answers of `answerLength` tokens.
   *
   * @throws ObjectiveBatchError when a sequence has no prompt, or tokens behind it
   */
  prepare(prompts: SequenceBatch, answerLength: number): PreparedBatch;
  /** The likeliest token of each place of the answer, i32 `[B, answerLength]`. */
  predict(model: Transformer, inputs: LossInputs): Tensor;
}

/** How a trained model is to be asked. */
export type Decoding = AutoregressiveDecoding | ParallelDecoding;

/**
 * What a batch becomes and what the loss is, for batches and models of any kind. The model knows nothing about its
 * objective.
 *
 * A training loop calls `prepare` on the host for each batch, hands the arrays to a compiled step, and in the step
 * asks `loss` for one scalar. Batches of one shape give inputs of one shape, so that the step is traced once.
 */
export interface LearningObjective<Batch, Model> {
  readonly name: string;
  /** Extra trainable parameters, by name. */
  parameters(): Map<string, Variable>;
  /**
   * Lays a batch out as arrays: what the model reads, and targets. Pure host code, and a function of its arguments alone.
   *
   * @throws ObjectiveBatchError when the batch is malformed or the objective cannot be applied to it
   */
  prepare(batch: Batch, random: HostRandom): PreparedBatch;
  /**
   * How many targets each mean of the loss is over, by the name of the input with the targets; a function of the prepared
   * batch alone. A training loop that accumulates gradients adds the inputs of `countInputs`, so that the loss of an update
   * is the mean over all of its targets; without this method every micro-batch counts the same.
   */
  targetCounts?(prepared: PreparedBatch): TargetCounts;
  /**
   * The loss as graph. Reads `dropoutKey` (u32 `[2]`) and the inputs of `countInputs` where the training loop has added
   * them.
   */
  loss(model: Model, inputs: LossInputs): ObjectiveLoss;
}

/**
 * An objective on sequences. The model reads tokens or vectors, position ids and a mask, and gives hidden states; `prepare`
 * makes them all. Batches of one shape and one `answerTime` give inputs of one shape.
 */
export interface Objective extends LearningObjective<SequenceBatch, Transformer> {
  readonly decoding: Decoding;
  /** What a step on a batch of this size costs, in closed form. */
  cost(model: TransformerConfig, size: BatchSize): ObjectiveCost;
  /**
   * What the objective has added, put to use in generation: it guesses tokens that the model then verifies. Absent where
   * there is nothing to guess with.
   *
   * @param count - tokens to guess at a time; default as many as it was trained for
   */
  drafter?(count?: number): Drafter;
  /**
   * Passes that together measure the loss of all that the objective predicts, by distance to the target. Where it is not
   * there, tokens predict the next one and nothing else.
   */
  offsetPasses?(): readonly OffsetPass[];
}

/** A pass over a batch that gives the loss at some distances, for every place that has such a target. */
export interface OffsetPass {
  /** Distances to the target in tokens, 1 for the next one. */
  readonly offsets: readonly number[];
  /** @throws ObjectiveBatchError when the batch is malformed */
  prepare(batch: SequenceBatch): PreparedBatch;
  /** For each of `offsets` the losses of the targets, f32 `[B, n]`, 0 where there is none, and those targets. */
  losses(model: Transformer, inputs: LossInputs): readonly OffsetLosses[];
  /**
   * What the trunk reads where positions of their own, registers, make the predictions: `[B, T + R]`, the registers behind the
   * real tokens, each with the position id of the token before its target. Absent where real tokens make them.
   */
  reads?(inputs: LossInputs): TrunkInputs;
}

export interface OffsetLosses {
  /** f32 `[B, n]` */
  readonly losses: Tensor;
  /** i32 `[B, n]` */
  readonly targets: Tensor;
}
