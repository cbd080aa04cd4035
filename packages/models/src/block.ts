// B batch, T time, D width, H heads, K width of a head.

import {
  Attention,
  type AttentionInputs,
  Dropout,
  type Initializer,
  LayerNorm,
  MLP,
  Module,
  normal,
  RMSNorm,
  zeros,
} from '@foretoken/nn';
import { checkpoint, type Device, foldIn, type HostRandom, type Tensor } from '@foretoken/tensor';
import type { TransformerConfig } from './config.js';

/** What a block needs besides hidden states; `Transformer.context()` makes it. */
export interface BlockInputs extends AttentionInputs {
  /** u32 `[2]`; no dropout when it is absent. */
  readonly dropoutKey?: Tensor | undefined;
}

/** Gaussian with the given standard deviation, or 1 / sqrt(inputs), divided by `divisor`. */
export function gaussian(std: number | 'fanIn', inputs: number, divisor = 1): Initializer {
  return normal({ std: (std === 'fanIn' ? 1 / Math.sqrt(inputs) : std) / divisor });
}

/** The normalization that a config asks for. */
export function createNorm(device: Device, config: TransformerConfig): LayerNorm | RMSNorm {
  const { width, normEps: eps, norm, bias } = config;
  return norm === 'layer' ? new LayerNorm(device, { width, eps, bias }) : new RMSNorm(device, { width, eps });
}

/** A pre-norm transformer block: `h += attention(norm(h))`, then `h += mlp(norm(h))` where it has an MLP. */
export class Block extends Module {
  readonly attentionNorm: LayerNorm | RMSNorm;
  readonly attention: Attention;
  readonly mlpNorm: LayerNorm | RMSNorm | undefined;
  readonly mlp: MLP | undefined;
  readonly #dropout: Dropout;
  readonly #checkpointed: boolean;

  constructor(device: Device, config: TransformerConfig, random: HostRandom) {
    super();
    const { width, heads, keyValueHeads, headWidth, bias, mlp, mlpWidth, precision, initialization } = config;
    const divisor = initialization.scaleResidual ? Math.sqrt(2 * config.layers) : 1;
    const inputInit = gaussian(initialization.input, width);
    this.#dropout = new Dropout(config.dropout);
    this.#checkpointed = config.activationCheckpointing === 'blocks';
    this.attentionNorm = createNorm(device, config);
    this.attention = new Attention(
      device,
      {
        width,
        heads,
        keyValueHeads,
        headWidth,
        bias,
        inputInit,
        outputInit: gaussian(initialization.residual, heads * headWidth, divisor),
        biasInit: zeros,
        precision,
      },
      random,
    );
    if (mlp === 'none') return;
    this.mlpNorm = createNorm(device, config);
    const outputInit = gaussian(initialization.residual, mlpWidth, divisor);
    this.mlp = new MLP(
      device,
      { kind: mlp, width, hiddenWidth: mlpWidth, bias, inputInit, outputInit, biasInit: zeros, precision },
      random,
    );
  }

  /** `[B, T, D]` to `[B, T, D]`. */
  forward(hidden: Tensor, inputs: BlockInputs = {}): Tensor {
    // With a cache there is no backward pass, and the pass assigns keys and values.
    if (!this.#checkpointed || inputs.cache !== undefined) return this.#compute(hidden, inputs);
    return checkpoint(
      (again, dropoutKey) => this.#compute(again, { ...inputs, dropoutKey }),
      [hidden, inputs.dropoutKey],
    );
  }

  #compute(hidden: Tensor, { dropoutKey, ...inputs }: BlockInputs): Tensor {
    const keys = [0, 1].map((place) => dropoutKey && foldIn(dropoutKey, place));
    const mixed = this.attention.forward(this.attentionNorm.forward(hidden), inputs);
    const attended = hidden.add(this.#dropout.forward(mixed, keys[0]));
    if (this.mlp === undefined || this.mlpNorm === undefined) return attended;
    return attended.add(this.#dropout.forward(this.mlp.forward(this.mlpNorm.forward(attended)), keys[1]));
  }
}
