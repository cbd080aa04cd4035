import {
  clipGradNorm,
  GradientAccumulator,
  type LossScaler,
  type Optimizer,
  takeGradients,
} from '@foretoken/nn';
import type { LossInputs, PreparedBatch } from '@foretoken/objectives';
import {
  type CompiledStep,
  type Device,
  type HostInput,
  type Tensor,
  type Variable,
  type WarmUpOptions,
  where,
} from '@foretoken/tensor';
import { type FigureNames, lossFigures, NO_NAMES, namesOf, withNorm } from './figures-of-update.js';
import type { Workload } from './workload.js';

/** What an update reads and changes. */
export interface UpdateParts {
  readonly device: Device;
  /** Of what is trained. */
  readonly work: Pick<Workload, 'objective' | 'loss'>;
  /** Trainable parameters of model and objective. */
  readonly parameters: ReadonlyMap<string, Variable>;
  readonly optimizer: Optimizer<object>;
  /** Global norm to which gradients are clipped. */
  readonly clip: number;
  /** Scales the loss, where gradients are f16 on their way. */
  readonly scaler: LossScaler | undefined;
}

/** What changes from update to update, beside the batch. */
export interface UpdateScalars {
  readonly learningRate: number;
  /** 1 for the first update. */
  readonly stepNumber: number;
}

/** Makes updates from batches, in compiled steps. */
export interface Update {
  /** What its figures are; known once an update has been submitted. */
  readonly names: FigureNames;
  /**
   * Submits one update; does not wait.
   *
   * @param microBatches - the parts of the batch
   * @returns f32: what `readFigures` reads
   */
  run(microBatches: Iterable<PreparedBatch>, scalars: UpdateScalars): Tensor;
  /** Traces, tunes and compiles for parts of this shape. */
  warmUp(microBatch: PreparedBatch, options?: WarmUpOptions): Promise<void>;
  dispose(): void;
}

type Scalars = { learningRate: Tensor; stepNumber: Tensor };
type Figures = { figures: Tensor };

const scalarInputs = ({ learningRate, stepNumber }: UpdateScalars): Record<keyof Scalars, HostInput> => ({
  learningRate: { data: Float32Array.of(learningRate), shape: [] },
  stepNumber: { data: Float32Array.of(stepNumber), shape: [] },
});

/** For traces, to which the values of inputs do not matter. */
const ANY_SCALARS: UpdateScalars = { learningRate: 0, stepNumber: 1 };

/**
 * Clips gradients and steps; gives their norm before, 0 where a step was skipped since they overflowed. Once a loss, or a
 * norm that no scaler looks after, is not finite, no further step is taken: several are in flight when the first of them
 * is read, and the parameters of the last good one must still be there.
 */
function applyGradients(
  { optimizer, clip, scaler, guard }: UpdateParts & { readonly guard: FiniteGuard },
  gradients: ReadonlyMap<string, Tensor>,
  loss: Tensor,
  scalars: Scalars,
): Tensor {
  if (scaler === undefined) {
    const clipped = clipGradNorm(gradients, clip);
    const accept = guard.check([loss, clipped.norm]);
    optimizer.step(clipped.gradients, { ...scalars, accept });
    return clipped.norm;
  }
  const accept = guard.check([loss]);
  const { gradients: unscaled, finite } = scaler.unscale(gradients);
  const clipped = clipGradNorm(unscaled, clip);
  scaler.step(optimizer, clipped.gradients, { ...scalars, accept }, finite);
  scaler.update(finite);
  return where(finite, clipped.norm.reshape([]), 0);
}

/** Remembers whether all losses so far were finite. */
class FiniteGuard {
  /** A variable, so that it is computed once and not within every kernel that asks for it. */
  readonly #good: Variable;

  constructor(device: Device) {
    this.#good = device.variable(Uint8Array.of(1), { shape: [], name: 'finiteSoFar', trainable: false });
  }

  /** Whether these scalars and all before them are finite. */
  check(scalars: readonly Tensor[]): Tensor {
    const good = scalars.reduce<Tensor>((all, each) => all.and(each.reshape([]).isFinite()), this.#good);
    this.#good.assign(good);
    return good;
  }

  dispose(): void {
    this.#good.dispose();
  }
}

/** Updates from batches in `count` parts of equal size. */
export function createUpdate(parts: UpdateParts, count: number): Update {
  return count === 1 ? new WholeUpdate(parts) : new AccumulatedUpdate(parts, count);
}

/** The batch goes through the model at once: forward, backward and optimizer are one compiled step. */
class WholeUpdate implements Update {
  names = NO_NAMES;
  readonly #step: CompiledStep<LossInputs, Figures>;
  readonly #guard: FiniteGuard;

  constructor(parts: UpdateParts) {
    this.#guard = new FiniteGuard(parts.device);
    const updated = { ...parts, guard: this.#guard };
    const { device, work, parameters, scaler } = updated;
    const trace = (inputs: LossInputs): Figures => {
      const { learningRate, stepNumber, ...batch } = inputs as LossInputs & Scalars;
      const found = work.loss(batch);
      const { loss } = found;
      (scaler?.scale(loss) ?? loss).backward();
      const norm = applyGradients(updated, takeGradients(parameters), loss, {
        learningRate,
        stepNumber,
      });
      this.names = namesOf(found);
      return { figures: withNorm(lossFigures(found), norm) };
    };
    this.#step = device.compile(trace, { name: `update (${work.objective.name})` });
  }

  run([batch]: Iterable<PreparedBatch>, scalars: UpdateScalars): Tensor {
    return this.#step.run({ ...batch, ...scalarInputs(scalars) }).figures;
  }

  warmUp(batch: PreparedBatch, options?: WarmUpOptions): Promise<void> {
    return this.#step.warmUp({ ...batch, ...scalarInputs(ANY_SCALARS) }, options);
  }

  dispose(): void {
    this.#step.dispose();
    this.#guard.dispose();
  }
}

/** What the parts of a batch add up to. */
interface Sums {
  readonly gradients: GradientAccumulator;
  /** Of the figures of the loss. */
  readonly losses: Variable;
}

/**
 * The batch goes through the model in micro-batches, so that only one of them has to fit into memory. Loss and gradients are
 * the means over the micro-batches.
 */
class AccumulatedUpdate implements Update {
  names = NO_NAMES;
  /** Made by the first trace, which knows what there is to add up. */
  #sums: Sums | undefined;
  readonly #add: CompiledStep<LossInputs, Record<string, never>>;
  readonly #finish: CompiledStep<Scalars, Figures>;
  readonly #guard: FiniteGuard;

  constructor(parts: UpdateParts, count: number) {
    this.#guard = new FiniteGuard(parts.device);
    const updated = { ...parts, guard: this.#guard };
    const { device, work, parameters, scaler } = updated;
    const add = (batch: LossInputs): Record<string, never> => {
      const found = work.loss(batch);
      (scaler?.scale(found.loss) ?? found.loss).backward();
      const gradients = takeGradients(parameters);
      const losses = lossFigures(found);
      this.names = namesOf(found);
      this.#sums ??= {
        gradients: new GradientAccumulator(
          new Map([...parameters].filter(([parameter]) => gradients.has(parameter))),
        ),
        losses: device.variable(new Float32Array(losses.size), { name: 'lossSums', trainable: false }),
      };
      this.#sums.gradients.add(gradients);
      this.#sums.losses.assign(this.#sums.losses.add(losses));
      return {};
    };
    const finish = (scalars: Scalars): Figures => {
      const sums = this.#sums as Sums;
      const losses = sums.losses.mul(1 / count);
      sums.losses.assign(device.zeros(sums.losses.shape));
      const norm = applyGradients(updated, sums.gradients.take(count), losses.slice(0, 0, 1), scalars);
      return { figures: withNorm(losses, norm) };
    };
    this.#add = device.compile(add, { name: `part of a batch (${work.objective.name})` });
    this.#finish = device.compile(finish, { name: `update (${work.objective.name})` });
  }

  run(microBatches: Iterable<PreparedBatch>, scalars: UpdateScalars): Tensor {
    for (const batch of microBatches) this.#add.run(batch);
    return this.#finish.run(scalarInputs(scalars)).figures;
  }

  async warmUp(microBatch: PreparedBatch, options?: WarmUpOptions): Promise<void> {
    await this.#add.warmUp(microBatch, options);
    await this.#finish.warmUp(scalarInputs(ANY_SCALARS), options);
  }

  dispose(): void {
    this.#add.dispose();
    this.#finish.dispose();
    this.#guard.dispose();
    this.#sums?.gradients.dispose();
    this.#sums?.losses.dispose();
  }
}
