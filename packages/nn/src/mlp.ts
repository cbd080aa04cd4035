import type { Device, HostRandom, Tensor } from '@foretoken/tensor';
import type { Initializer } from './initializers.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { keptIn, type Precision } from './precision.js';

/** `gelu` is the exact form, `geluTanh` the approximation that GPT-2 uses, `swiglu` the gated unit of Llama. */
export type MLPKind = 'gelu' | 'geluTanh' | 'relu' | 'swiglu';

export interface MLPConfig {
  readonly kind: MLPKind;
  readonly width: number;
  readonly hiddenWidth: number;
  /** Default true. */
  readonly bias?: boolean;
  readonly inputInit?: Initializer | undefined;
  readonly outputInit?: Initializer | undefined;
  readonly biasInit?: Initializer | undefined;
  /** Of the products, and of what is kept between them. Default f32. */
  readonly precision?: Precision | undefined;
}

/**
 * The position-wise network of a transformer block: `down(f(up(x)))`, or with `swiglu` (arXiv 2002.05202)
 * `down(silu(gate(x)) * up(x))`. For `swiglu`, `up` holds gate and up in one weight, gate first.
 */
export class MLP extends Module {
  readonly up: Linear;
  readonly down: Linear;
  readonly kind: MLPKind;
  readonly #hiddenWidth: number;

  constructor(device: Device, config: MLPConfig, random: HostRandom) {
    super();
    const { kind, width, hiddenWidth, bias = true, inputInit, outputInit, biasInit, precision } = config;
    const upWidth = kind === 'swiglu' ? 2 * hiddenWidth : hiddenWidth;
    this.kind = kind;
    this.#hiddenWidth = hiddenWidth;
    this.up = new Linear(
      device,
      { inWidth: width, outWidth: upWidth, bias, weightInit: inputInit, biasInit, precision },
      random,
    );
    this.down = new Linear(
      device,
      { inWidth: hiddenWidth, outWidth: width, bias, weightInit: outputInit, biasInit, precision },
      random,
    );
  }

  /** `[..., width]` to `[..., width]`. */
  forward(input: Tensor): Tensor {
    return this.down.forward(this.#activate(keptIn(this.up.forward(input), this.up.precision)));
  }

  #activate(raised: Tensor): Tensor {
    switch (this.kind) {
      case 'gelu':
        return raised.gelu('erf');
      case 'geluTanh':
        return raised.gelu('tanh');
      case 'relu':
        return raised.relu();
      case 'swiglu': {
        const gate = raised.slice(-1, 0, this.#hiddenWidth);
        return gate.silu().mul(raised.slice(-1, this.#hiddenWidth, 2 * this.#hiddenWidth));
      }
    }
  }
}
