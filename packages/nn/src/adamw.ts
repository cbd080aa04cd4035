import { type Tensor, type Variable, where } from '@foretoken/tensor';
import { checkRange } from './errors.js';
import { Optimizer, type ParameterGroup, type StepScalars } from './optimizer.js';

export interface AdamWConfig {
  /** How slowly the averages of gradient and squared gradient forget. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second average. Default 1e-8. */
  readonly eps?: number;
  /** Fraction of `learningRate` times the value taken off each step, apart from the gradient. Default 0.01. */
  readonly weightDecay?: number;
  /** Multiplies the learning rate; of use in groups. Default 1. */
  readonly rateScale?: number;
}

/** Sum of the Taylor series of `-expm1(x)` up to x^7: exact to f32 for -0.5 < x <= 0. */
function minusExpm1Near0(x: Tensor): Tensor {
  let sum = x.mul(1 / 7).add(1);
  for (let order = 6; order >= 2; order--)
    sum = sum
      .mul(x)
      .mul(1 / order)
      .add(1);
  return sum.mul(x).neg();
}

/**
 * `1 - beta^step`. For a beta near 1 and the first steps the difference cancels, and WGSL's `pow` is coarse
 * there: the second average would be off by parts in a thousand. Hence from the logarithm, taken in double.
 */
function biasCorrection(beta: number, stepNumber: Tensor): Tensor {
  const exponent = (stepNumber.dtype === 'f32' ? stepNumber : stepNumber.cast('f32')).mul(Math.log(beta));
  return where(exponent.gt(-0.5), minusExpm1Near0(exponent.maximum(-0.5)), exponent.exp().neg().add(1));
}

/**
 * Adam with decoupled weight decay (arXiv 1711.05101), step for step as torch.optim.AdamW:
 *
 *     p -= rate * decay * p
 *     m  = b1 m + (1 - b1) g          v = b2 v + (1 - b2) g^2
 *     p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 */
export class AdamW extends Optimizer<Required<AdamWConfig>> {
  constructor(
    parameters: ReadonlyMap<string, Variable> | readonly ParameterGroup<Required<AdamWConfig>>[],
    { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01, rateScale = 1 }: AdamWConfig = {},
  ) {
    super(parameters, { betas, eps, weightDecay, rateScale }, () => ['firstMoment', 'secondMoment']);
    for (const { config } of this.entries) {
      checkRange('AdamW', 'betas[0]', config.betas[0], 0, 1, true);
      checkRange('AdamW', 'betas[1]', config.betas[1], 0, 1, true);
      checkRange('AdamW', 'eps', config.eps, 0, Number.MAX_VALUE);
      checkRange('AdamW', 'weightDecay', config.weightDecay, 0, Number.MAX_VALUE);
    }
  }

  protected override update(
    name: string,
    variable: Variable,
    gradient: Tensor,
    { betas: [beta1, beta2], eps, weightDecay, rateScale }: Required<AdamWConfig>,
    scalars: StepScalars,
  ): void {
    const { learningRate, stepNumber } = scalars;
    const [first, second] = [this.slot(name, 'firstMoment'), this.slot(name, 'secondMoment')];
    const mean = this.next(first, first.mul(beta1).add(gradient.mul(1 - beta1)), scalars);
    const square = this.next(second, second.mul(beta2).add(gradient.square().mul(1 - beta2)), scalars);
    const rate = rateScale === 1 ? learningRate : learningRate.mul(rateScale);
    const root = square.sqrt().div(biasCorrection(beta2, stepNumber).sqrt());
    const step = mean.div(root.add(eps)).mul(rate.div(biasCorrection(beta1, stepNumber)));
    const decayed = weightDecay === 0 ? variable : variable.mul(rate.mul(-weightDecay).add(1));
    variable.assign(this.next(variable, decayed.sub(step), scalars));
    first.assign(mean);
    second.assign(square);
  }
}
