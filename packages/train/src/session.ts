import { StarGraphTask } from '@foretoken/data';
import { attentionOnlyConfig, Transformer } from '@foretoken/models';
import {
  AdamW,
  constantSchedule,
  cosineSchedule,
  decayGroups,
  type HostTensor,
  LossScaler,
  linearSchedule,
  loadInto,
  type Schedule,
} from '@foretoken/nn';
import { createObjective, type Objective, type PreparedBatch } from '@foretoken/objectives';
import { type Device, HostRandom, randomKey, type Tensor, type Variable } from '@foretoken/tensor';
import type { Recipe } from './recipe.js';
import { createUpdate, type Update } from './update.js';

/** Numbers of the random streams below a seed. */
const STREAM = { model: 1, objective: 2, layout: 3, dropout: 4 } as const;

/** What one update gives, before it has been read back. */
export interface PendingUpdate {
  /** f32: loss, gradient norm, then the parts of the loss in the order of `partNames`. */
  readonly figures: Tensor;
}

/** Model, objective, optimizer and data of one run. */
export class Session {
  readonly task: StarGraphTask;
  readonly model: Transformer;
  readonly objective: Objective;
  /** Trainable parameters of model and objective, by name. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly extraParameters: number;
  readonly schedule: Schedule;
  readonly #optimizer: AdamW;
  readonly #scaler: LossScaler | undefined;
  readonly #update: Update;

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
    const { learningRate, beta1, beta2, weightDecay, clip, schedule, warmupSteps, accumulate } =
      recipe.optimizer;
    this.#optimizer = new AdamW(decayGroups(this.parameters, weightDecay), {
      betas: [beta1, beta2],
      weightDecay,
    });
    const decay = { peak: learningRate, warmupSteps, totalSteps: recipe.steps };
    this.schedule = { constant: constantSchedule, linear: linearSchedule, cosine: cosineSchedule }[schedule](
      decay,
    );
    if (modelConfig.precision === 'f16') this.#scaler = new LossScaler(device);
    this.#update = createUpdate(
      {
        scaler: this.#scaler,
        device,
        model: this.model,
        objective: this.objective,
        parameters: this.parameters,
        optimizer: this.#optimizer,
        clip,
      },
      accumulate,
    );
  }

  /** Names of the parts of the loss; known once an update has been submitted. */
  get partNames(): readonly string[] {
    return this.#update.partNames;
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

  /** Makes updates ready: traces, times kernels where that has not been done on this adapter, and compiles. */
  async warmUp(): Promise<void> {
    const [microBatch] = this.#microBatches(0);
    if (microBatch !== undefined) await this.#update.warmUp(microBatch);
  }

  /** Submits update number `step`, counted from 0. All that it draws is a function of the seed and `step`. */
  update(step: number): PendingUpdate {
    return {
      figures: this.#update.run(this.#microBatches(step), {
        learningRate: this.schedule(step),
        stepNumber: step + 1,
      }),
    };
  }

  /**
   * The batch of an update in parts. They hold the examples and the layouts of the whole batch, in the same order,
   * however many parts there are.
   */
  *#microBatches(step: number): Generator<PreparedBatch> {
    const { batch, optimizer } = this.recipe;
    const { accumulate } = optimizer;
    const random = new HostRandom(this.seed, STREAM.layout, step);
    for (let part = 0; part < accumulate; part++) {
      const examples = this.task.batch('train', step * accumulate + part, batch / accumulate);
      const prepared = this.objective.prepare(examples, random);
      if (this.model.config.dropout === 0) yield prepared;
      else {
        const stream = accumulate === 1 ? [step] : [step, part];
        yield {
          ...prepared,
          dropoutKey: { data: randomKey(this.seed, STREAM.dropout, ...stream), shape: [2] },
        };
      }
    }
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
      ...[...(this.#scaler?.state() ?? [])].map(([name, variable]) => read(SCALER, name, variable)),
    ]);
    return saved;
  }

  /** @throws StateDictError when the checkpoint is of another model or objective */
  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    const optimizer = new Map<string, HostTensor>();
    const scaler = new Map<string, HostTensor>();
    const parameters = new Map<string, HostTensor>();
    for (const [name, tensor] of tensors) {
      if (name.startsWith(OPTIMIZER)) optimizer.set(name.slice(OPTIMIZER.length), tensor);
      else if (name.startsWith(SCALER)) scaler.set(name.slice(SCALER.length), tensor);
      else parameters.set(name, tensor);
    }
    loadInto('checkpoint', this.parameters, parameters);
    this.#optimizer.loadStateDict(optimizer);
    this.#scaler?.loadStateDict(scaler);
  }

  dispose(): void {
    this.#update.dispose();
    this.#optimizer.dispose();
    this.#scaler?.dispose();
    this.model.dispose();
    for (const variable of this.objective.parameters().values()) variable.dispose();
  }
}

/** Prefixes of tensors of the optimizer and of the loss scaler in a checkpoint. */
const OPTIMIZER = 'optimizer.';
const SCALER = 'lossScaler.';

const sizeOfAll = (variables: ReadonlyMap<string, Variable>): number =>
  [...variables.values()].reduce((sum, { size }) => sum + size, 0);
