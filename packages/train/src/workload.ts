import type { Task } from '@foretoken/data';
import type { LossInputs, ObjectiveLoss, PreparedBatch, TargetCounts } from '@foretoken/objectives';
import type { Device, HostRandom, Variable } from '@foretoken/tensor';
import type { Evaluation } from './evaluate.js';
import type { OnPhase, WorkControl } from './events.js';
import type { Recipe } from './recipe.js';
import type { Sampler, SampleSettings } from './samples.js';

/** What a step costs. */
export interface StepCost {
  /** Training FLOPs. */
  readonly flops: number;
  /** Tokens of data, without padding. */
  readonly tokens: number;
}

/** A batch on its way to the model. */
export interface WorkBatch {
  /** Batches of the same shape go through the same compiled step. */
  readonly shape: string;
  readonly cost: StepCost;
  /** Lays it out as the objective wants it. */
  prepare(random: HostRandom): PreparedBatch;
}

/** Answers held-out questions of the task. */
export interface QuestionEvaluator {
  /** Questions 0 to `wanted - 1` of a split, or all where there are fewer. @throws the reason of the signal */
  evaluate(split: 'validation' | 'test', wanted: number, control?: WorkControl): Promise<Evaluation>;
  dispose(): void;
}

/** Measures the loss on held-out examples. */
export interface HeldOutLoss {
  /** Mean over the first `count` examples of a split; default that of validation. @throws the reason of the signal */
  measure(count: number, split?: 'validation' | 'test', control?: WorkControl): Promise<number>;
  dispose(): void;
}

/**
 * What is trained, and on what, as the trainer sees it: a task, variables, a loss. What a batch holds, and what the model
 * reads, only those know who made it.
 */
export interface Workload {
  readonly task: Task<unknown>;
  /** What became of the data, a line for each split. */
  readonly reports: readonly string[];
  readonly objective: {
    readonly name: string;
    /** Variables that it adds to those of the model. */
    parameters(): ReadonlyMap<string, Variable>;
    /** See `LearningObjective`. */
    targetCounts?(prepared: PreparedBatch): TargetCounts;
  };
  /** Variables of the model that are trained, by name. */
  readonly modelVariables: ReadonlyMap<string, Variable>;
  readonly precision: 'f32' | 'f16';
  /** Whether passes of training draw what to leave out, and so need a key. */
  readonly hasDropout: boolean;
  /** Shapes that batches can have. */
  readonly shapes: number;
  /** Batch number `step` of the training split. */
  batch(step: number, size: number): WorkBatch;
  /** The loss of a prepared batch, as graph. */
  loss(inputs: LossInputs): ObjectiveLoss;
  evaluator(): QuestionEvaluator;
  /** @param batch - examples that go through the model at a time */
  heldOutLoss(batch: number): HeldOutLoss;
  /** What writes texts with the model as it trains; undefined where it cannot. @throws RecipeError */
  sampler?(settings: SampleSettings, seed: number): Sampler | undefined;
  /** Whether the model can be written for other tools. */
  isExpressible(): boolean;
  /**
   * Writes the model for other tools; the objective's own parameters stay behind.
   *
   * @throws CheckpointError in one line
   */
  saveModel(folder: string): Promise<void>;
  dispose(): void;
}

/** What a workload is made for. */
export interface WorkRequest {
  readonly device: Device;
  readonly recipe: Recipe;
  /** Of the task, without its kind. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Name of an objective. */
  readonly objective: string;
  readonly seed: number;
  /** Is told of the loading of data and weights. */
  readonly onPhase?: OnPhase;
}
