import { sumOfSquares, type Tensor, type Variable } from '@foretoken/tensor';
import { ConfigError, checkCount, checkRange } from './errors.js';

/** The Euclidean norm of all gradients taken as one vector; a scalar. */
export function globalNorm(gradients: Iterable<Tensor>): Tensor {
  const all = [...gradients];
  if (all.length === 0) throw new ConfigError('globalNorm: no gradients.');
  return sumOfSquares(all).sqrt();
}

/**
 * Scales all gradients by `min(1, maxNorm / (norm + 1e-6))`, as torch.nn.utils.clip_grad_norm_ does. Makes
 * graph only, so it costs no read-back.
 *
 * @returns the clipped gradients, and the norm that they had before
 */
export function clipGradNorm<Name>(
  gradients: ReadonlyMap<Name, Tensor>,
  maxNorm: number,
): { gradients: Map<Name, Tensor>; norm: Tensor } {
  checkRange('clipGradNorm', 'maxNorm', maxNorm, 0, Number.MAX_VALUE);
  const norm = globalNorm(gradients.values());
  const scale = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  return { gradients: new Map([...gradients].map(([name, gradient]) => [name, gradient.mul(scale)])), norm };
}

/**
 * Sums gradients over several compiled steps, for batches that do not fit into memory at once. Call `add` in
 * the step of each micro-batch and `take` in the last.
 */
export class GradientAccumulator {
  readonly #sums: ReadonlyMap<string, Variable>;

  constructor(parameters: ReadonlyMap<string, Variable>) {
    const trainable = [...parameters].filter(([, variable]) => variable.trainable);
    this.#sums = new Map(
      trainable.map(([name, { device, shape, size }]) => [
        name,
        device.variable(new Float32Array(size), { shape, name: `${name}.gradientSum`, trainable: false }),
      ]),
    );
    const sums = [...this.#sums.values()];
    sums[0]?.device.pack(sums);
  }

  /** Adds gradients to the sums. */
  add(gradients: ReadonlyMap<string, Tensor>): void {
    for (const [name, gradient] of gradients) this.#sum(name).assign(this.#sum(name).add(gradient));
  }

  /** The mean over `microBatches`; the sums start again from zero. */
  take(microBatches: number): Map<string, Tensor> {
    checkCount('GradientAccumulator', 'microBatches', microBatches);
    const means = new Map<string, Tensor>();
    for (const [name, sum] of this.#sums) {
      means.set(name, sum.mul(1 / microBatches));
      sum.assign(sum.device.zeros(sum.shape));
    }
    return means;
  }

  /** The sums, for a checkpoint between micro-batches. */
  state(): ReadonlyMap<string, Variable> {
    return this.#sums;
  }

  dispose(): void {
    for (const sum of this.#sums.values()) sum.dispose();
  }

  #sum(name: string): Variable {
    const sum = this.#sums.get(name);
    if (sum === undefined)
      throw new ConfigError(`GradientAccumulator: ${name} is not one of its parameters.`);
    return sum;
  }
}
