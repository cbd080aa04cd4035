import type { SequenceBatch, SequenceTask, TextTokenizer } from '@foretoken/data';
import { CheckpointError, checkpointContents, type Transformer } from '@foretoken/models';
import type { PretrainedOrigin } from '@foretoken/models/node';
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
  stateDictOf,
} from '@foretoken/nn';
import { createObjective, type Objective, type PreparedBatch } from '@foretoken/objectives';
import { type Device, HostRandom, randomKey, type Tensor, type Variable } from '@foretoken/tensor';
import { RecipeError } from './errors.js';
import { readFigures, type UpdateFigures } from './figures-of-update.js';
import { makeModel, startFolder } from './model-source.js';
import { fullWeights, LoraTuning, type ModelTuning } from './model-tuning.js';
import type { Recipe } from './recipe.js';
import { taskOf } from './task-kinds.js';
import { createUpdate, type Update } from './update.js';

/** Numbers of the random streams below a seed. */
const STREAM = { model: 1, objective: 2, layout: 3, dropout: 4, adapters: 5 } as const;

/** What a step costs. */
export interface StepCost {
  /** Training FLOPs. */
  readonly flops: number;
  /** Tokens of data, without padding. */
  readonly tokens: number;
}

/** What one update gives, before it has been read back. */
export interface PendingUpdate {
  /** f32: what `readFigures` of the session reads. */
  readonly figures: Tensor;
  readonly cost: StepCost;
}

/** What a session is made of. */
interface SessionParts {
  readonly device: Device;
  readonly recipe: Recipe;
  readonly objective: string;
  readonly seed: number;
  readonly task: SequenceTask;
  readonly tokenizer: TextTokenizer | undefined;
  readonly reports: readonly string[];
  readonly model: Transformer;
  readonly origin: PretrainedOrigin | undefined;
  readonly tuning: ModelTuning;
}

/** Model, objective, optimizer and data of one run. */
export class Session {
  readonly device: Device;
  readonly recipe: Recipe;
  readonly seed: number;
  readonly task: SequenceTask;
  /** Where the task is one of text. */
  readonly tokenizer: TextTokenizer | undefined;
  /** What became of the data, a line for each split. */
  readonly reports: readonly string[];
  readonly model: Transformer;
  readonly objective: Objective;
  /** Variables of model and objective that are trained, by name. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly extraParameters: number;
  /** Updates at most: those of the recipe, or of its epochs. */
  readonly steps: number;
  readonly schedule: Schedule;
  readonly #tuning: ModelTuning;
  readonly #origin: PretrainedOrigin | undefined;
  readonly #optimizer: AdamW;
  readonly #scaler: LossScaler | undefined;
  readonly #update: Update;

  /**
   * Loads or makes task and model, and the objective for them.
   *
   * @throws DataError, CheckpointError or RecipeError, in one line that says what is wrong and where
   */
  static async create(device: Device, recipe: Recipe, objective: string, seed: number): Promise<Session> {
    const { kind, settings } = taskOf(recipe);
    const folder = await startFolder(recipe.model);
    const loaded = await kind.load(settings, seed, folder);
    const random = new HostRandom(seed, STREAM.model);
    const made = await makeModel({ device, settings: recipe.model, kind, loaded, folder, random });
    const { task, tokenizer, reports } = loaded;
    return new Session({
      ...made,
      device,
      recipe,
      objective,
      seed,
      task,
      tokenizer,
      reports,
      tuning: tuningOf(recipe, seed),
    });
  }

  private constructor(parts: SessionParts) {
    const { device, recipe, objective, seed, task, tokenizer, reports, model, origin, tuning } = parts;
    this.device = device;
    this.recipe = recipe;
    this.seed = seed;
    this.task = task;
    this.tokenizer = tokenizer;
    this.reports = reports;
    this.model = model;
    this.#origin = origin;
    this.#tuning = tuning;
    const random = new HostRandom(seed, STREAM.objective);
    this.objective = createObjective(objective, recipe.objectives[objective] ?? {}, {
      device,
      modelConfig: model.config,
      random,
    });
    const named = (owner: string, variables: ReadonlyMap<string, Variable>): Map<string, Variable> =>
      new Map([...variables].map(([name, variable]) => [`${owner}.${name}`, variable]));
    const own = named('model', tuning.parameters(model));
    const extra = named('objective', this.objective.parameters());
    this.extraParameters = sizeOfAll(extra);
    this.parameters = new Map([...own, ...extra]);
    const {
      learningRate,
      objectiveRateScale,
      beta1,
      beta2,
      weightDecay,
      clip,
      schedule,
      warmupSteps,
      accumulate,
    } = recipe.optimizer;
    const groups =
      objectiveRateScale === 1
        ? decayGroups(this.parameters, weightDecay)
        : [
            ...decayGroups(own, weightDecay),
            ...decayGroups(extra, weightDecay).map((group) => ({ ...group, rateScale: objectiveRateScale })),
          ];
    this.#optimizer = new AdamW(groups, { betas: [beta1, beta2], weightDecay });
    this.steps = stepsOf(recipe, task);
    const decay = {
      peak: learningRate,
      warmupSteps: Math.min(warmupSteps, this.steps),
      totalSteps: this.steps,
    };
    this.schedule = { constant: constantSchedule, linear: linearSchedule, cosine: cosineSchedule }[schedule](
      decay,
    );
    if (model.config.precision === 'f16') this.#scaler = new LossScaler(device);
    this.#update = createUpdate(
      {
        scaler: this.#scaler,
        device,
        model,
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
    return [...this.#update.names.parts, ...this.#update.names.shares];
  }

  /** The figures of an update, once they have been read back. */
  readFigures(figures: ArrayLike<number>): UpdateFigures {
    return readFigures(this.#update.names, figures);
  }

  get parameterCount(): number {
    return sizeOfAll(this.parameters);
  }

  /** What update number `step` costs. */
  cost(step = 0): StepCost {
    return sum(this.#examples(step).map((examples) => this.#costOf(examples)));
  }

  #costOf({ batch, time, lengths, prefixLengths, answerTime }: SequenceBatch): StepCost {
    // What is computed is the room that a batch of this shape makes for its answers.
    const prefix = answerTime === undefined ? Math.min(...prefixLengths) : time - answerTime;
    const { flops } = this.objective.cost(this.model.config, { batch, time, prefix });
    return { flops, tokens: lengths.reduce((all, length) => all + length, 0) };
  }

  /**
   * Makes updates ready: traces, times kernels where that has not been done on this adapter, and compiles, for every
   * length of a batch that occurs.
   */
  async warmUp(): Promise<void> {
    for (const step of this.#stepsOfEachLength()) {
      const [microBatch] = this.#microBatches(step, this.#examples(step));
      if (microBatch !== undefined) await this.#update.warmUp(microBatch);
    }
  }

  /** One update for each length that the first part of a batch has in an epoch. */
  #stepsOfEachLength(): number[] {
    const { task, recipe } = this;
    const wanted = task.batchTimes?.length ?? 1;
    const { accumulate } = recipe.optimizer;
    const parts = task.batchesPerEpoch?.('train', recipe.batch / accumulate) ?? accumulate;
    const steps = Math.min(this.steps, Math.ceil(parts / accumulate));
    const found = new Map<number, number>();
    for (let step = 0; step < steps && found.size < wanted; step++) {
      const { time } = task.batch('train', step * accumulate, recipe.batch / accumulate);
      if (!found.has(time)) found.set(time, step);
    }
    return [...found.values()];
  }

  /** Submits update number `step`, counted from 0. All that it draws is a function of the seed and `step`. */
  update(step: number): PendingUpdate {
    const examples = this.#examples(step);
    const figures = this.#update.run(this.#microBatches(step, examples), {
      learningRate: this.schedule(step),
      stepNumber: step + 1,
    });
    return { figures, cost: sum(examples.map((part) => this.#costOf(part))) };
  }

  /** The batch of an update in parts, as the objective laid it out. */
  preparedBatch(step: number): PreparedBatch[] {
    return [...this.#microBatches(step, this.#examples(step))];
  }

  #examples(step: number): SequenceBatch[] {
    const { batch, optimizer } = this.recipe;
    const { accumulate } = optimizer;
    return Array.from({ length: accumulate }, (_, part) =>
      this.task.batch('train', step * accumulate + part, batch / accumulate),
    );
  }

  /**
   * The batch of an update in parts. They hold the examples and the layouts of the whole batch, in the same order,
   * however many parts there are.
   */
  *#microBatches(step: number, examples: readonly SequenceBatch[]): Generator<PreparedBatch> {
    const random = new HostRandom(this.seed, STREAM.layout, step);
    for (const [part, one] of examples.entries()) {
      const prepared = this.objective.prepare(one, random);
      if (this.model.config.dropout === 0 && !this.#tuning.hasDropout) yield prepared;
      else {
        const stream = examples.length === 1 ? [step] : [step, part];
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

  /** What is trained alone, without the state of the optimizer. */
  saveParameters(): Promise<Map<string, HostTensor>> {
    return stateDictOf(this.parameters);
  }

  /** @throws StateDictError when they are of another model or objective */
  restoreParameters(tensors: ReadonlyMap<string, HostTensor>): void {
    loadInto('checkpoint', this.parameters, tensors);
  }

  /** Whether a family of models that other tools know expresses this one. */
  isExpressible(): boolean {
    try {
      checkpointContents(this.model);
      return true;
    } catch (error) {
      if (error instanceof CheckpointError) return false;
      throw error;
    }
  }

  /**
   * Writes the model for other tools, the tokenizer along; the objective's own parameters stay behind.
   *
   * @throws CheckpointError in one line, when no family of models expresses it or the disk refuses
   */
  saveModel(folder: string): Promise<void> {
    return this.#tuning.save({
      model: this.model,
      folder,
      origin: this.#origin ?? originOf(this.tokenizer),
      extra: this.objective.parameters(),
    });
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

/** What of the model a recipe trains. */
function tuningOf({ lora, model }: Recipe, seed: number): ModelTuning {
  if (lora === undefined) return fullWeights;
  return new LoraTuning(lora, model['from'] as string, new HostRandom(seed, STREAM.adapters));
}

/**
 * Updates at most. An epoch is all batches that a pass over the examples gives; a part of an update counts as one.
 *
 * @throws RecipeError for epochs of a task that makes examples without end
 */
function stepsOf({ steps, epochs, batch, optimizer: { accumulate } }: Recipe, task: SequenceTask): number {
  if (steps !== undefined) return steps;
  const parts = task.batchesPerEpoch?.('train', batch / accumulate);
  if (parts === undefined || epochs === undefined) {
    throw new RecipeError(`epochs: a task of kind ${task.name} makes examples without end. Give steps.`);
  }
  return Math.max(1, Math.ceil((epochs * parts) / accumulate));
}

/** Prefixes of tensors of the optimizer and of the loss scaler in a checkpoint. */
const OPTIMIZER = 'optimizer.';
const SCALER = 'lossScaler.';

const sum = (costs: readonly StepCost[]): StepCost =>
  costs.reduce((all, { flops, tokens }) => ({ flops: all.flops + flops, tokens: all.tokens + tokens }), {
    flops: 0,
    tokens: 0,
  });

/** What a model made from nothing has to keep: the files of its tokenizer, and which tokens begin and end a text. */
function originOf(tokenizer: TextTokenizer | undefined): PretrainedOrigin | undefined {
  if (tokenizer === undefined) return undefined;
  const { beginToken, endToken, name } = tokenizer;
  const ids = [
    ['bos_token_id', beginToken],
    ['eos_token_id', endToken],
  ].filter(([, id]) => id !== undefined);
  return { folder: name, config: Object.fromEntries(ids) as Record<string, number>, dtypes: new Map() };
}

const sizeOfAll = (variables: ReadonlyMap<string, Variable>): number =>
  [...variables.values()].reduce((sum, { size }) => sum + size, 0);
