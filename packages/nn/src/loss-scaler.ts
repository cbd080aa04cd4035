import { type Device, type HostArray, type Tensor, type Variable, where } from '@foretoken/tensor';
import { ConfigError, checkCount, checkRange } from './errors.js';
import type { Optimizer, StepScalars } from './optimizer.js';
import {
  type HostTensor,
  type LoadOptions,
  type LoadReport,
  loadInto,
  type StateDict,
  stateDictOf,
} from './state-dict.js';

export interface LossScalerConfig {
  /** What the loss is multiplied by at first. Default 65536. */
  readonly initialScale?: number;
  /** The scale is multiplied by this after `growthInterval` good steps. Default 2. */
  readonly growthFactor?: number;
  /** The scale is multiplied by this after a step with gradients that are not finite. Default 0.5. */
  readonly backoffFactor?: number;
  /** Good steps in a row after which the scale grows. Default 2000. */
  readonly growthInterval?: number;
}

/**
 * Dynamic loss scaling, as torch.amp.GradScaler does it, for gradients that f16 would round to zero. The loss is scaled
 * up, gradients are scaled down again in f32; a step in which one of them is not finite changes nothing but the scale.
 * All of it is graph, so it runs inside a compiled step, and nothing is read back. Factors that are powers of two change
 * no digit of what does not overflow or vanish.
 *
 * @example
 * const step = device.compile(({ learningRate, stepNumber, ...batch }) => {
 *   const loss = lossOf(model, batch);
 *   scaler.scale(loss).backward();
 *   const { gradients, finite } = scaler.unscale(takeGradients(parameters));
 *   const clipped = clipGradNorm(gradients, 1);
 *   scaler.step(optimizer, clipped.gradients, { learningRate, stepNumber }, finite);
 *   scaler.update(finite);
 *   return { loss };
 * });
 */
export class LossScaler {
  readonly #scale: Variable;
  readonly #goodSteps: Variable;
  readonly #skippedSteps: Variable;
  /** Of the last step. A variable, so that it is computed once and not within every kernel that asks for it. */
  readonly #finite: Variable;
  readonly #config: Required<LossScalerConfig>;

  constructor(device: Device, config: LossScalerConfig = {}) {
    const { initialScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = config;
    checkRange('LossScaler', 'initialScale', initialScale, Number.MIN_VALUE, Number.MAX_VALUE);
    checkRange('LossScaler', 'growthFactor', growthFactor, 1, Number.MAX_VALUE);
    checkRange('LossScaler', 'backoffFactor', backoffFactor, 0, 1, true);
    checkCount('LossScaler', 'growthInterval', growthInterval);
    this.#config = { initialScale, growthFactor, backoffFactor, growthInterval };
    const number = (name: string, values: HostArray): Variable =>
      device.variable(values, { shape: [], name: `lossScaler.${name}`, trainable: false });
    this.#scale = number('scale', Float32Array.of(initialScale));
    this.#goodSteps = number('goodSteps', Int32Array.of(0));
    this.#skippedSteps = number('skippedSteps', Int32Array.of(0));
    this.#finite = number('finite', Uint8Array.of(1));
  }

  /** The loss to call `backward()` on. */
  scale(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /**
   * The gradients of the loss itself, f32, and whether all of them are finite (a bool).
   *
   * @param gradients - those of the scaled loss, by any name; sums over micro-batches will do
   */
  unscale<Name>(gradients: ReadonlyMap<Name, Tensor>): { gradients: Map<Name, Tensor>; finite: Tensor } {
    const factor = this.#scale.reciprocal();
    const finite = [...gradients.values()]
      .map((gradient) => gradient.isFinite().all())
      .reduce<Tensor | undefined>((all, each) => all?.and(each) ?? each, undefined);
    if (finite === undefined) throw new ConfigError('LossScaler: no gradients.');
    const unscaled = [...gradients].map(
      ([name, gradient]) => [name, gradient.cast('f32').mul(factor)] as const,
    );
    this.#finite.assign(finite);
    return { gradients: new Map(unscaled), finite };
  }

  /**
   * `optimizer.step`, but that parameters and the optimizer's variables keep their bits where `finite` is false. Skipped
   * steps do not count in the optimizer's `stepNumber`.
   */
  step<Config extends object>(
    optimizer: Optimizer<Config>,
    gradients: ReadonlyMap<string, Tensor>,
    scalars: StepScalars,
    finite: Tensor,
  ): void {
    const accept = scalars.accept === undefined ? finite : finite.and(scalars.accept);
    const stepNumber = scalars.stepNumber.cast('f32').sub(this.#skippedSteps.cast('f32'));
    optimizer.step(gradients, { ...scalars, stepNumber, accept });
  }

  /** Chooses the scale of the next step; once a step, behind the optimizers. */
  update(finite: Tensor): void {
    const { growthFactor, backoffFactor, growthInterval } = this.#config;
    const good = this.#goodSteps.add(1);
    const grows = finite.and(good.ge(growthInterval));
    const factor = where(finite, where(grows, growthFactor, 1), backoffFactor);
    const skipped = this.#skippedSteps.add(finite.not().cast('i32'));
    this.#scale.assign(this.#scale.mul(factor));
    this.#goodSteps.assign(where(finite.and(grows.not()), good, 0));
    this.#skippedSteps.assign(skipped);
  }

  /** The scale, the good steps since it last changed, and the steps skipped so far; for checkpoints. */
  state(): ReadonlyMap<string, Variable> {
    return new Map([
      ['scale', this.#scale],
      ['goodSteps', this.#goodSteps],
      ['skippedSteps', this.#skippedSteps],
    ]);
  }

  /** The values of the scaler's variables, read back from the GPU. */
  stateDict(): Promise<Map<string, HostTensor>> {
    return stateDictOf(this.state());
  }

  /** @throws StateDictError listing all missing, unexpected and mismatched names */
  loadStateDict(state: StateDict, options?: LoadOptions): LoadReport {
    return loadInto('LossScaler', this.state(), state, options);
  }

  dispose(): void {
    for (const variable of [...this.state().values(), this.#finite]) variable.dispose();
  }
}
