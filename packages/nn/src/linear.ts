import type { Device, HostRandom, Tensor, Variable } from '@foretoken/tensor';
import { checkCount } from './errors.js';
import { type Initializer, uniform } from './initializers.js';
import { Module } from './module.js';
import { parameter } from './parameter.js';
import { inPrecision, type Precision } from './precision.js';

export interface LinearConfig {
  readonly inWidth: number;
  readonly outWidth: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default as torch.nn.Linear: evenly in ±1/sqrt(inWidth). */
  readonly weightInit?: Initializer | undefined;
  /** Default as `weightInit`'s. */
  readonly biasInit?: Initializer | undefined;
  /** Of the product; bias and result are f32. Default f32. */
  readonly precision?: Precision | undefined;
}

/** `y = x Wᵀ + b` over the last axis, with `weight` `[outWidth, inWidth]` as in PyTorch. */
export class Linear extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly precision: Precision;

  /** @param random - of the first values; all are 0 when it is absent, for layers that are loaded next */
  constructor(device: Device, config: LinearConfig, random?: HostRandom) {
    super();
    const { inWidth, outWidth, bias = true, precision = 'f32' } = config;
    this.precision = precision;
    checkCount('Linear', 'inWidth', inWidth);
    checkCount('Linear', 'outWidth', outWidth);
    const bound = 1 / Math.sqrt(inWidth);
    const { weightInit = uniform(-bound, bound), biasInit = uniform(-bound, bound) } = config;
    this.weight = parameter(device, { name: 'weight', shape: [outWidth, inWidth], init: weightInit }, random);
    this.bias = bias
      ? parameter(device, { name: 'bias', shape: [outWidth], init: biasInit }, random)
      : undefined;
  }

  /** `[..., inWidth]` to `[..., outWidth]`. */
  forward(input: Tensor): Tensor {
    const { precision } = this;
    const weight = inPrecision(this.weight, precision);
    const product = inPrecision(input, precision).matmul(weight, { transposeB: true });
    return this.bias === undefined ? product : product.add(this.bias);
  }
}
