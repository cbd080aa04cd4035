import { type Device, foldIn, type HostRandom, type Tensor } from '@foretoken/tensor';
import type { Initializer } from './initializers.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { keptIn, type Precision } from './precision.js';

/** The function between the two products; a gated one multiplies its result by a second half of the hidden layer. */
interface Activation {
  readonly apply: (raised: Tensor) => Tensor;
  readonly gated: boolean;
}

const gelu = (raised: Tensor): Tensor => raised.gelu('erf');
const geluTanh = (raised: Tensor): Tensor => raised.gelu('tanh');
const relu = (raised: Tensor): Tensor => raised.relu();
const silu = (raised: Tensor): Tensor => raised.silu();

const ACTIVATIONS = {
  gelu: { apply: gelu, gated: false },
  geluTanh: { apply: geluTanh, gated: false },
  relu: { apply: relu, gated: false },
  silu: { apply: silu, gated: false },
  geglu: { apply: gelu, gated: true },
  gegluTanh: { apply: geluTanh, gated: true },
  reglu: { apply: relu, gated: true },
  swiglu: { apply: silu, gated: true },
} satisfies Record<string, Activation>;

/**
 * `gelu` is the exact form, `geluTanh` the approximation that GPT-2 uses; `swiglu` is the gated unit of Llama,
 * `gegluTanh` that of Gemma (arXiv 2002.05202 has them all).
 */
export type MLPKind = keyof typeof ACTIVATIONS;

/** All kinds. */
export const MLP_KINDS = Object.keys(ACTIVATIONS) as readonly MLPKind[];

/** Whether `up` makes a gate as well. */
export const isGated = (kind: MLPKind): boolean => ACTIVATIONS[kind].gated;

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
 * The position-wise network of a transformer block: `down(f(up(x)))`, or gated
 * `down(f(gate(x)) * up(x))`. Where it is gated, `up` holds gate and up in one weight, gate first.
 */
export class MLP extends Module {
  readonly up: Linear;
  readonly down: Linear;
  readonly kind: MLPKind;
  readonly #hiddenWidth: number;

  /** @param random - of the first values; all are 0 when it is absent, for layers that are loaded next */
  constructor(device: Device, config: MLPConfig, random?: HostRandom) {
    super();
    const { kind, width, hiddenWidth, bias = true, inputInit, outputInit, biasInit, precision } = config;
    const upWidth = isGated(kind) ? 2 * hiddenWidth : hiddenWidth;
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

  /**
   * `[..., width]` to `[..., width]`.
   *
   * @param dropoutKey - u32 `[2]`: of the dropout of adapters (see `LowRankAdapter`); none when it is absent
   */
  forward(input: Tensor, dropoutKey?: Tensor): Tensor {
    const raised = this.up.forward(input, dropoutKey && foldIn(dropoutKey, 0));
    const hidden = this.#activate(keptIn(raised, this.up.precision));
    return this.down.forward(hidden, dropoutKey && foldIn(dropoutKey, 1));
  }

  #activate(raised: Tensor): Tensor {
    const { apply, gated } = ACTIVATIONS[this.kind];
    if (!gated) return apply(raised);
    const gate = raised.slice(-1, 0, this.#hiddenWidth);
    return apply(gate).mul(raised.slice(-1, this.#hiddenWidth, 2 * this.#hiddenWidth));
  }
}
