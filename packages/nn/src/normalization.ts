import type { Device, Tensor, Variable } from '@foretoken/tensor';
import { checkCount } from './errors.js';
import { Module } from './module.js';

export interface NormConfig {
  readonly width: number;
  /** Added to the variance (mean square) before the root. Default 1e-5. */
  readonly eps?: number;
  /** LayerNorm only: a learned shift. Default true. */
  readonly bias?: boolean;
}

const filled = (device: Device, name: 'weight' | 'bias', width: number): Variable => {
  const values = new Float32Array(width).fill(name === 'weight' ? 1 : 0);
  return device.variable(values, { shape: [width], name });
};

/** Layer normalization (arXiv 1607.06450) over the last axis: `(x - mean) / sqrt(var + eps) * weight + bias`. */
export class LayerNorm extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly eps: number;

  constructor(device: Device, { width, eps = 1e-5, bias = true }: NormConfig) {
    super();
    checkCount('LayerNorm', 'width', width);
    this.eps = eps;
    this.weight = filled(device, 'weight', width);
    this.bias = bias ? filled(device, 'bias', width) : undefined;
  }

  forward(input: Tensor): Tensor {
    return input.layerNorm(this.weight, this.bias, this.eps);
  }
}

/** Root-mean-square normalization (arXiv 1910.07467) over the last axis: `x / sqrt(mean(x^2) + eps) * weight`. */
export class RMSNorm extends Module {
  readonly weight: Variable;
  readonly eps: number;

  constructor(device: Device, { width, eps = 1e-5 }: NormConfig) {
    super();
    checkCount('RMSNorm', 'width', width);
    this.eps = eps;
    this.weight = filled(device, 'weight', width);
  }

  forward(input: Tensor): Tensor {
    return input.rmsNorm(this.weight, this.eps);
  }
}
