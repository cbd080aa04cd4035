import type { Device, Tensor, Variable } from '@foretoken/tensor';
import { checkCount } from './errors.js';
import { Module } from './module.js';

export interface NormConfig {
  readonly width: number;
  /** Added to the variance (mean square) before the root. Default 1e-5. */
  readonly eps?: number;
  /** LayerNorm only: a learned shift. Default true. */
  readonly bias?: boolean;
  /** RMSNorm only: added to the weight, which then starts lower by as much (Gemma: 1). Default 0. */
  readonly weightOffset?: number;
}

function filled(device: Device, name: 'weight' | 'bias', width: number, value: number): Variable {
  device.checkSize(`parameter ${name}`, [width]);
  return device.variable(new Float32Array(width).fill(value), { shape: [width], name });
}

/** Layer normalization (arXiv 1607.06450) over the last axis: `(x - mean) / sqrt(var + eps) * weight + bias`. */
export class LayerNorm extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly eps: number;

  constructor(device: Device, { width, eps = 1e-5, bias = true }: NormConfig) {
    super();
    checkCount('LayerNorm', 'width', width);
    this.eps = eps;
    this.weight = filled(device, 'weight', width, 1);
    this.bias = bias ? filled(device, 'bias', width, 0) : undefined;
  }

  forward(input: Tensor): Tensor {
    return input.layerNorm(this.weight, this.bias, this.eps);
  }
}

/**
 * Root-mean-square normalization (arXiv 1910.07467) over the last axis:
 * `x / sqrt(mean(x^2) + eps) * (weight + weightOffset)`.
 */
export class RMSNorm extends Module {
  readonly weight: Variable;
  readonly eps: number;
  readonly weightOffset: number;

  constructor(device: Device, { width, eps = 1e-5, weightOffset = 0 }: NormConfig) {
    super();
    checkCount('RMSNorm', 'width', width);
    this.eps = eps;
    this.weightOffset = weightOffset;
    this.weight = filled(device, 'weight', width, 1 - weightOffset);
  }

  forward(input: Tensor): Tensor {
    const weight = this.weightOffset === 0 ? this.weight : this.weight.add(this.weightOffset);
    return input.rmsNorm(weight, this.eps);
  }
}
