import { Transformer, type TransformerConfig } from '@foretoken/models';
import { AdamW, takeGradients } from '@foretoken/nn';
import {
  createObjective,
  type LossInputs,
  type Objective,
  type ObjectiveSettings,
  type PreparedBatch,
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
import { gptConfig, type StepSize } from './sizes.js';

const LEARNING_RATE = 1e-3;
/** Numbers of the random streams below a seed. */
const STREAM = { model: 1, objective: 2, layout: 3, tokens: 4 } as const;

/** What is trained. */
export interface Workload {
  readonly size: StepSize;
  /** Name of an objective. */
  readonly objective: string;
  readonly settings: ObjectiveSettings;
  /** Tokens of a prompt at the front of each sequence, for objectives that need one. */
  readonly prefix: number;
  readonly seed: number;
}

/** The workload of an objective on a plain corpus, where every token is scored. */
export function workloadOf(
  objective: string,
  size: StepSize,
  { seed, registers }: { readonly seed: number; readonly registers: number },
): Workload {
  const { context } = size;
  if (objective !== 'mutor') {
    // Teacherless training needs something to answer from: half of each sequence is its prompt.
    const prefix = objective === 'teacherless' ? Math.ceil(context / 2) : 0;
    return { size, objective, settings: { lossOn: 'all' }, prefix, seed };
  }
  const count = Math.max(1, Math.round(registers * context));
  const some = registers < 1 ? { registerCount: Math.min(count, context - 1) } : {};
  return { size, objective, settings: { lossOn: 'all', registers: 'everywhere', ...some }, prefix: 0, seed };
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
    const { size, objective, settings, seed } = workload;
    const modelConfig: TransformerConfig = gptConfig(size);
    this.#workload = workload;
    this.model = new Transformer(device, modelConfig, new HostRandom(seed, STREAM.model));
    const random = new HostRandom(seed, STREAM.objective);
    this.objective = createObjective(objective, settings, { device, modelConfig, random });
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

  /** Submits an update; the loss is that before it. */
  submit(batch: PreparedBatch): Tensor {
    return this.#step.run(this.#withScalars(batch)).loss;
  }

  /** Submits an update with a timestamp around each dispatch. */
  profile(batch: PreparedBatch): Promise<StepProfile> {
    return this.#step.profile(this.#withScalars(batch));
  }

  #withScalars(batch: PreparedBatch): PreparedBatch {
    this.#updates++;
    return {
      ...batch,
      learningRate: { data: Float32Array.of(LEARNING_RATE), shape: [] },
      stepNumber: { data: Float32Array.of(this.#updates), shape: [] },
    };
  }

  dispose(): void {
    this.#step.dispose();
    this.#optimizer.dispose();
    for (const variable of this.#parameters.values()) variable.dispose();
  }
}

/** Reads a loss and frees it. */
export async function readLoss(loss: Tensor): Promise<number> {
  const [value] = await loss.data();
  loss.dispose();
  return Number(value);
}
