import { Transformer, type TransformerConfig } from '@foretoken/models';
import { AdamW, takeGradients } from '@foretoken/nn';
import {
  createObjective,
  type LossInputs,
  Mutor,
  type Objective,
  type ObjectiveContext,
  type ObjectiveSettings,
  type PreparedBatch,
  resolveSettings,
  type SequenceBatch,
} from '@foretoken/objectives';
import {
  type CompiledStep,
  type Device,
  HostRandom,
  type StepProfile,
  type Tensor,
  type Variable,
} from '@foretoken/tensor';
import { InterleavedMutor } from './interleaved.js';
import { gptConfig, type ModelOptions, type StepSize } from './sizes.js';

const LEARNING_RATE = 1e-3;
/** Numbers of the random streams below a seed. */
const STREAM = { model: 1, objective: 2, layout: 3, tokens: 4 } as const;

/** `interleaved` computes all pairs of its dense mask; `interleavedSkipping` looks for squares that it rules out. */
export const registerLayouts = ['appended', 'interleaved', 'interleavedSkipping'] as const;
export type RegisterLayout = (typeof registerLayouts)[number];

/** What is trained. */
export interface Workload {
  readonly size: StepSize;
  /** Name of an objective. */
  readonly objective: string;
  readonly settings: ObjectiveSettings;
  /** Where registers lie: behind all tokens, as `Mutor` has it, or each behind its own under a dense mask. */
  readonly layout: RegisterLayout;
  /** Tokens of a prompt at the front of each sequence, for objectives that need one. */
  readonly prefix: number;
  readonly seed: number;
  readonly model: ModelOptions;
}

/** The workload of an objective on a plain corpus, where every token is scored. */
export function workloadOf(
  objective: string,
  size: StepSize,
  options: {
    readonly seed: number;
    readonly registers: number;
    readonly layout: RegisterLayout;
    readonly model?: ModelOptions;
  },
): Workload {
  const { context } = size;
  const { seed, registers, layout, model = {} } = options;
  const shared = { size, objective, layout, seed, model };
  if (objective !== 'mutor') {
    // Teacherless training needs something to answer from: half of each sequence is its prompt.
    const prefix = objective === 'teacherless' ? Math.ceil(context / 2) : 0;
    return { ...shared, settings: { lossOn: 'all' }, prefix };
  }
  const count = Math.max(1, Math.round(registers * context));
  const some = registers < 1 ? { registerCount: Math.min(count, context - 1) } : {};
  return { ...shared, settings: { lossOn: 'all', registers: 'everywhere', ...some }, prefix: 0 };
}

/** Sequences of even random tokens: what they say does not matter to the time that a step takes. */
export function corpusBatch({ size, prefix, seed }: Workload, number: number): SequenceBatch {
  const { batch, context, vocab } = size;
  const random = new HostRandom(seed, STREAM.tokens, number);
  return {
    batch,
    time: context,
    channels: 1,
    tokens: Int32Array.from({ length: batch * context }, () => random.integer(vocab)),
    lengths: new Int32Array(batch).fill(context),
    prefixLengths: new Int32Array(batch).fill(prefix),
  };
}

function objectiveOf({ objective, settings, layout }: Workload, context: ObjectiveContext): Objective {
  const created = createObjective(objective, settings, context);
  if (layout === 'appended' || !(created instanceof Mutor)) return created;
  const weight = Number(resolveSettings(objective, settings)['weight']);
  return new InterleavedMutor(created, weight, layout === 'interleavedSkipping');
}

/** A model, its objective and AdamW without clipping, in one compiled step. */
export class TrainingStep {
  readonly model: Transformer;
  readonly objective: Objective;
  readonly #workload: Workload;
  readonly #optimizer: AdamW;
  readonly #parameters: ReadonlyMap<string, Variable>;
  readonly #step: CompiledStep<LossInputs, { loss: Tensor }>;
  #updates = 0;

  constructor(device: Device, workload: Workload) {
    const { size, seed } = workload;
    const modelConfig: TransformerConfig = gptConfig(size, workload.model);
    this.#workload = workload;
    this.model = new Transformer(device, modelConfig, new HostRandom(seed, STREAM.model));
    this.objective = objectiveOf(workload, {
      device,
      modelConfig,
      random: new HostRandom(seed, STREAM.objective),
    });
    this.#parameters = new Map([
      ...[...this.model.parameters()].map(([name, variable]) => [`model.${name}`, variable] as const),
      ...[...this.objective.parameters()].map(([name, variable]) => [`objective.${name}`, variable] as const),
    ]);
    this.#optimizer = new AdamW(this.#parameters);
    this.#step = device.compile(({ stepNumber, learningRate, ...inputs }) => {
      const { loss } = this.objective.loss(this.model, inputs);
      loss.backward();
      this.#optimizer.step(takeGradients(this.#parameters), {
        learningRate: learningRate as Tensor,
        stepNumber: stepNumber as Tensor,
      });
      return { loss: loss.reshape([]) };
    });
  }

  /** Training FLOPs of one step. */
  get flops(): number {
    const { size, prefix } = this.#workload;
    return this.objective.cost(this.model.config, { batch: size.batch, time: size.context, prefix }).flops;
  }

  /** Batch number `number`, laid out for the objective. */
  prepare(number: number): PreparedBatch {
    const { seed } = this.#workload;
    return this.objective.prepare(
      corpusBatch(this.#workload, number),
      new HostRandom(seed, STREAM.layout, number),
    );
  }

  /** Tunes and compiles for batches of this shape. */
  warmUp(batch: PreparedBatch): Promise<void> {
    return this.#step.warmUp(withScalars(batch, 1));
  }

  /** Submits an update; the loss is that before it. */
  submit(batch: PreparedBatch): Tensor {
    return this.#step.run(withScalars(batch, ++this.#updates)).loss;
  }

  /** Submits an update with a timestamp around each dispatch. */
  profile(batch: PreparedBatch): Promise<StepProfile> {
    return this.#step.profile(withScalars(batch, ++this.#updates));
  }

  dispose(): void {
    this.#step.dispose();
    this.#optimizer.dispose();
    for (const variable of this.#parameters.values()) variable.dispose();
  }
}

const withScalars = (batch: PreparedBatch, stepNumber: number): PreparedBatch => ({
  ...batch,
  learningRate: { data: Float32Array.of(LEARNING_RATE), shape: [] },
  stepNumber: { data: Float32Array.of(stepNumber), shape: [] },
});
