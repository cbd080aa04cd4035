import type { Task } from '@foretoken/data';
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
import { countInputs, type PreparedBatch } from '@foretoken/objectives';
import { type Device, HostRandom, randomKey, type Tensor, type Variable } from '@foretoken/tensor';
import { RecipeError } from './errors.js';
import type { OnPhase, WorkControl } from './events.js';
import { readFigures, type UpdateFigures } from './figures-of-update.js';
import type { Recipe } from './recipe.js';
import { STREAM } from './streams.js';
import { taskOf } from './task-kinds.js';
import { createUpdate, type Update } from './update.js';
import type { StepCost, WorkBatch, Workload } from './workload.js';

/** What one update gives, before it has been read back. */
export interface PendingUpdate {
  /** f32: what `readFigures` of the session reads. */
  readonly figures: Tensor;
  readonly cost: StepCost;
}

/** Optimizer, data and what is trained, of one run. */
export class Session {
  readonly device: Device;
  readonly recipe: Recipe;
  readonly seed: number;
  readonly work: Workload;
  /** Variables of model and objective that are trained, by name. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly extraParameters: number;
  /** Updates at most: those of the recipe, or of its epochs. */
  readonly steps: number;
  readonly schedule: Schedule;
  readonly #optimizer: AdamW;
  readonly #scaler: LossScaler | undefined;
  readonly #update: Update;

  /**
   * Loads or makes task and model, and the objective for them.
   *
   * @throws DataError, CheckpointError or RecipeError, in one line that says what is wrong and where
   */
  static async create(
    device: Device,
    recipe: Recipe,
    objective: string,
    seed: number,
    onPhase?: OnPhase,
  ): Promise<Session> {
    const { kind, settings } = taskOf(recipe);
    const request = {
      device,
      recipe,
      settings,
      objective,
      seed,
      ...(onPhase === undefined ? {} : { onPhase }),
    };
    return new Session(device, recipe, seed, await kind.open(request));
  }

  private constructor(device: Device, recipe: Recipe, seed: number, work: Workload) {
    this.device = device;
    this.recipe = recipe;
    this.seed = seed;
    this.work = work;
    const named = (owner: string, variables: ReadonlyMap<string, Variable>): Map<string, Variable> =>
      new Map([...variables].map(([name, variable]) => [`${owner}.${name}`, variable]));
    const own = named('model', work.modelVariables);
    const extra = named('objective', work.objective.parameters());
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
    this.steps = stepsOf(recipe, work.task);
    const decay = {
      peak: learningRate,
      warmupSteps: Math.min(warmupSteps, this.steps),
      totalSteps: this.steps,
    };
    this.schedule = { constant: constantSchedule, linear: linearSchedule, cosine: cosineSchedule }[schedule](
      decay,
    );
    if (work.precision === 'f16') this.#scaler = new LossScaler(device);
    this.#update = createUpdate(
      {
        scaler: this.#scaler,
        device,
        work,
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
    return sum(this.#examples(step).map(({ cost }) => cost));
  }

  /**
   * Makes updates ready: traces, times kernels where that has not been done on this adapter, and compiles, for every
   * shape of a batch that occurs.
   *
   * @param tune - false leaves kernels to rules of thumb
   * @throws the reason of the signal, between two shapes
   */
  async warmUp(
    { signal, onPhase }: WorkControl = {},
    { tune = true }: { readonly tune?: boolean } = {},
  ): Promise<void> {
    onPhase?.({ phase: 'compile' });
    const onProgress = (done: number, total: number): void =>
      onPhase?.({ phase: 'compile', done, total, unit: 'shaders' });
    for (const step of this.#stepsOfEachShape()) {
      signal?.throwIfAborted();
      const [microBatch] = this.#microBatches(step, this.#examples(step));
      if (microBatch !== undefined) await this.#update.warmUp(microBatch, { tune, onProgress });
    }
  }

  /** One update for each shape that the first part of a batch has in an epoch. */
  #stepsOfEachShape(): number[] {
    const { work, recipe } = this;
    const { accumulate } = recipe.optimizer;
    const size = recipe.batch / accumulate;
    const parts = work.task.batchesPerEpoch?.('train', size) ?? accumulate;
    const steps = Math.min(this.steps, Math.ceil(parts / accumulate));
    const found = new Map<string, number>();
    for (let step = 0; step < steps && found.size < work.shapes; step++) {
      const { shape } = work.batch(step * accumulate, size);
      if (!found.has(shape)) found.set(shape, step);
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
    return { figures, cost: sum(examples.map(({ cost }) => cost)) };
  }

  /** The batch of an update in parts, as the objective laid it out. */
  preparedBatch(step: number): PreparedBatch[] {
    return this.#microBatches(step, this.#examples(step));
  }

  #examples(step: number): WorkBatch[] {
    const { batch, optimizer } = this.recipe;
    const { accumulate } = optimizer;
    return Array.from({ length: accumulate }, (_, part) =>
      this.work.batch(step * accumulate + part, batch / accumulate),
    );
  }

  /**
   * The batch of an update in parts. They hold the examples and the layouts of the whole batch, in the same order,
   * however many parts there are.
   */
  #microBatches(step: number, examples: readonly WorkBatch[]): PreparedBatch[] {
    const random = new HostRandom(this.seed, STREAM.layout, step);
    const prepared = examples.map((example) => example.prepare(random));
    const counts = this.#countInputs(prepared);
    return prepared.map((batch, index) => ({
      ...batch,
      ...counts,
      ...(this.work.hasDropout ? this.#dropoutKey(step, index) : {}),
    }));
  }

  /** What makes the loss of an update the mean over all of its targets, however many each micro-batch has. */
  #countInputs(microBatches: readonly PreparedBatch[]): PreparedBatch {
    const { objective } = this.work;
    if (microBatches.length === 1 || this.recipe.optimizer.lossAverage === 'microBatches') return {};
    const totals: Record<string, number> = {};
    for (const batch of microBatches)
      for (const [name, count] of Object.entries(objective.targetCounts?.(batch) ?? {}))
        totals[name] = (totals[name] ?? 0) + count;
    return countInputs(totals, microBatches.length);
  }

  #dropoutKey(step: number, microBatch: number): PreparedBatch {
    const stream = this.recipe.optimizer.accumulate === 1 ? [step] : [step, microBatch];
    return { dropoutKey: { data: randomKey(this.seed, STREAM.dropout, ...stream), shape: [2] } };
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
    this.work.dispose();
  }
}

/**
 * Updates at most. An epoch is all batches that a pass over the examples gives; a part of an update counts as one.
 *
 * @throws RecipeError for epochs of a task that makes examples without end
 */
function stepsOf({ steps, epochs, batch, optimizer: { accumulate } }: Recipe, task: Task<unknown>): number {
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

const sizeOfAll = (variables: ReadonlyMap<string, Variable>): number =>
  [...variables.values()].reduce((sum, { size }) => sum + size, 0);
