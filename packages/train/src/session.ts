import { StarGraphTask } from '@foretoken/data';
import { attentionOnlyConfig, Transformer } from '@foretoken/models';
import {
  AdamW,
  clipGradNorm,
  constantSchedule,
  cosineSchedule,
  decayGroups,
  type HostTensor,
  linearSchedule,
  loadInto,
  type Schedule,
  takeGradients,
} from '@foretoken/nn';
import { createObjective, type LossInputs, type Objective } from '@foretoken/objectives';
import {
  type CompiledStep,
  type Device,
  HostRandom,
  randomKey,
  stack,
  type Tensor,
  type Variable,
} from '@foretoken/tensor';
import type { Recipe } from './recipe.js';

/** Numbers of the random streams below a seed. */
const STREAM = { model: 1, objective: 2, layout: 3, dropout: 4 } as const;

/** What one update gives, before it has been read back. */
export interface PendingUpdate {
  /** f32: loss, gradient norm, then the parts of the loss in the order of `partNames`. */
  readonly figures: Tensor;
}

type StepOutput = { figures: Tensor };

/** Model, objective, optimizer and data of one run, with the compiled update. */
export class Session {
  readonly task: StarGraphTask;
  readonly model: Transformer;
  readonly objective: Objective;
  /** Trainable parameters of model and objective, by name. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly extraParameters: number;
  readonly schedule: Schedule;
  /** Names of the parts of the loss; known once an update has been traced. */
  partNames: readonly string[] = [];
  readonly #optimizer: AdamW;
  readonly #update: CompiledStep<LossInputs, StepOutput>;

  constructor(
    readonly device: Device,
    readonly recipe: Recipe,
    objective: string,
    readonly seed: number,
  ) {
    this.task = new StarGraphTask({ ...recipe.task, seed } as ConstructorParameters<typeof StarGraphTask>[0]);
    const { vocabularySize, channels, maxTime } = this.task;
    const modelConfig = attentionOnlyConfig({
      vocabularySize,
      channelVocabularySizes: Array.from({ length: channels - 1 }, () => vocabularySize),
      maxPositions: maxTime + 1,
      ...recipe.model,
    });
    this.model = new Transformer(device, modelConfig, new HostRandom(seed, STREAM.model));
    const random = new HostRandom(seed, STREAM.objective);
    this.objective = createObjective(objective, recipe.objectives[objective] ?? {}, {
      device,
      modelConfig,
      random,
    });
    const extra = this.objective.parameters();
    this.extraParameters = sizeOfAll(extra);
    this.parameters = new Map([
      ...[...this.model.parameters()].map(([name, variable]) => [`model.${name}`, variable] as const),
      ...[...extra].map(([name, variable]) => [`objective.${name}`, variable] as const),
    ]);
    const { learningRate, beta1, beta2, weightDecay, schedule, warmupSteps } = recipe.optimizer;
    this.#optimizer = new AdamW(decayGroups(this.parameters, weightDecay), {
      betas: [beta1, beta2],
      weightDecay,
    });
    const decay = { peak: learningRate, warmupSteps, totalSteps: recipe.steps };
    this.schedule = { constant: constantSchedule, linear: linearSchedule, cosine: cosineSchedule }[schedule](
      decay,
    );
    this.#update = device.compile((inputs: LossInputs) => this.#traceUpdate(inputs), {
      name: `update (${objective})`,
    });
  }

  get parameterCount(): number {
    return sizeOfAll(this.parameters);
  }

  /** Training FLOPs and data tokens of one update. */
  cost(): { flops: number; tokens: number } {
    const { time, prefixLengths } = this.task.batch('train', 0, 1);
    return this.objective.cost(this.model.config, {
      batch: this.recipe.batch,
      time,
      prefix: prefixLengths[0] ?? 0,
    });
  }

  #traceUpdate(inputs: LossInputs): StepOutput {
    const { learningRate, stepNumber, ...batch } = inputs as LossInputs & {
      learningRate: Tensor;
      stepNumber: Tensor;
    };
    const { loss, parts } = this.objective.loss(this.model, batch);
    loss.backward();
    const { gradients, norm } = clipGradNorm(takeGradients(this.parameters), this.recipe.optimizer.clip);
    this.#optimizer.step(gradients, { learningRate, stepNumber });
    this.partNames = Object.keys(parts);
    return {
      figures: stack([
        loss.reshape([]),
        norm.reshape([]),
        ...Object.values(parts).map((part) => part.reshape([])),
      ]),
    };
  }

  /** Submits update number `step`, counted from 0. All that it draws is a function of the seed and `step`. */
  update(step: number): PendingUpdate {
    const batch = this.task.batch('train', step, this.recipe.batch);
    const prepared = this.objective.prepare(batch, new HostRandom(this.seed, STREAM.layout, step));
    const dropout =
      this.model.config.dropout > 0
        ? { dropoutKey: { data: randomKey(this.seed, STREAM.dropout, step), shape: [2] } }
        : {};
    return this.#update.run({
      ...prepared,
      ...dropout,
      learningRate: { data: Float32Array.of(this.schedule(step)), shape: [] },
      stepNumber: { data: Float32Array.of(step + 1), shape: [] },
    });
  }

  /** Parameters and the state of the optimizer. */
  async save(): Promise<Map<string, HostTensor>> {
    const saved = new Map<string, HostTensor>();
    const read = async (prefix: string, name: string, variable: Variable): Promise<void> => {
      saved.set(`${prefix}${name}`, {
        data: await variable.data(),
        shape: variable.shape,
        dtype: variable.dtype,
      });
    };
    await Promise.all([
      ...[...this.parameters].map(([name, variable]) => read('', name, variable)),
      ...[...this.#optimizer.state()].map(([name, variable]) => read(OPTIMIZER, name, variable)),
    ]);
    return saved;
  }

  /** @throws StateDictError when the checkpoint is of another model or objective */
  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    const optimizer = new Map<string, HostTensor>();
    const parameters = new Map<string, HostTensor>();
    for (const [name, tensor] of tensors) {
      if (name.startsWith(OPTIMIZER)) optimizer.set(name.slice(OPTIMIZER.length), tensor);
      else parameters.set(name, tensor);
    }
    loadInto('checkpoint', this.parameters, parameters);
    this.#optimizer.loadStateDict(optimizer);
  }

  dispose(): void {
    this.#update.dispose();
    this.#optimizer.dispose();
    for (const variable of this.parameters.values()) variable.dispose();
  }
}

/** Prefix of the optimizer's tensors in a checkpoint. */
const OPTIMIZER = 'optimizer.';

const sizeOfAll = (variables: ReadonlyMap<string, Variable>): number =>
  [...variables.values()].reduce((sum, { size }) => sum + size, 0);
