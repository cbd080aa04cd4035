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
  /** The mask of blocks with a sliding window; `mask` when it is absent. */
  readonly windowedMask?: Tensor | undefined;
  /** u32 `[2]`: of the dropout of the block, and of adapters of its linear layers; none when it is absent. */
  readonly dropoutKey?: Tensor | undefined;
}

/** Gaussian with the given standard deviation, or 1 / sqrt(inputs), divided by `divisor`. */
export function gaussian(std: number | 'fanIn', inputs: number, divisor = 1): Initializer {
  return normal({ std: (std === 'fanIn' ? 1 / Math.sqrt(inputs) : std) / divisor });
}

/** The normalization that a config asks for. */
export function createNorm(device: Device, config: TransformerConfig): LayerNorm | RMSNorm {
  const { width, normEps: eps, norm, bias, normWeightOffset: weightOffset } = config;
  return norm === 'layer'
    ? new LayerNorm(device, { width, eps, bias: bias.norm })
    : new RMSNorm(device, { width, eps, weightOffset });
}

const normed = (hidden: Tensor, norm: LayerNorm | RMSNorm | undefined): Tensor =>
  norm === undefined ? hidden : norm.forward(hidden);

/**
 * A pre-norm transformer block: `h += attention(norm(h))`, then `h += mlp(norm(h))` where it has an MLP. With
 * `outputNorms`, what is added goes through one more norm.
 */
export class Block extends Module {
  readonly attentionNorm: LayerNorm | RMSNorm;
  readonly attention: Attention;
  readonly attentionOutputNorm: LayerNorm | RMSNorm | undefined;
  readonly mlpNorm: LayerNorm | RMSNorm | undefined;
  readonly mlp: MLP | undefined;
  readonly mlpOutputNorm: LayerNorm | RMSNorm | undefined;
  readonly #dropout: Dropout;
  readonly #checkpointed: boolean;
  readonly #windowed: boolean;

  /**
   * @param random - of the first values; all are 0 when it is absent, for blocks that are loaded next
   * @param layer - which of the layers it is like; default the last
   */
  constructor(device: Device, config: TransformerConfig, random?: HostRandom, layer = config.layers - 1) {
    super();
    const { width, heads, keyValueHeads, headWidth, bias, mlp, mlpWidth, precision, initialization } = config;
    const divisor = initialization.scaleResidual ? Math.sqrt(2 * config.layers) : 1;
    const inputInit = gaussian(initialization.input, width);
    this.#dropout = new Dropout(config.dropout);
    this.#checkpointed = config.activationCheckpointing === 'blocks';
    this.#windowed = config.slidingWindow?.layers.includes(layer) ?? false;
    this.attentionNorm = createNorm(device, config);
    this.attention = new Attention(
      device,
      {
        width,
        heads,
        keyValueHeads,
        headWidth,
        bias: bias.queryKeyValue,
        outputBias: bias.attentionOutput,
        scale: config.attentionScale,
        scoreCap: config.attentionSoftCap,
        inputInit,
        outputInit: gaussian(initialization.residual, heads * headWidth, divisor),
        biasInit: zeros,
        precision,
      },
      random,
    );
    if (config.outputNorms) this.attentionOutputNorm = createNorm(device, config);
    if (mlp === 'none') return;
    this.mlpNorm = createNorm(device, config);
    const outputInit = gaussian(initialization.residual, mlpWidth, divisor);
    this.mlp = new MLP(
      device,
      {
        kind: mlp,
        width,
        hiddenWidth: mlpWidth,
        bias: bias.mlp,
        inputInit,
        outputInit,
        biasInit: zeros,
        precision,
      },
      random,
    );
    if (config.outputNorms) this.mlpOutputNorm = createNorm(device, config);
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

  /** How much of each token every token takes in the attention of this block: `[B, T, D]` to f32 `[B, H, T, T]`. */
  attentionWeights(hidden: Tensor, inputs: BlockInputs = {}): Tensor {
    const { rotation } = inputs;
    return this.attention.weights(this.attentionNorm.forward(hidden), { mask: this.#mask(inputs), rotation });
  }

  #mask({ mask, windowedMask }: BlockInputs): Tensor | undefined {
    return this.#windowed ? (windowedMask ?? mask) : mask;
  }

  #compute(hidden: Tensor, { dropoutKey, ...inputs }: BlockInputs): Tensor {
    const keys = [0, 1, 2, 3].map((place) => dropoutKey && foldIn(dropoutKey, place));
    const attentionInputs = { ...inputs, mask: this.#mask(inputs), dropoutKey: keys[2] };
    const mixed = this.attention.forward(this.attentionNorm.forward(hidden), attentionInputs);
    const attended = hidden.add(this.#dropout.forward(normed(mixed, this.attentionOutputNorm), keys[0]));
    if (this.mlp === undefined || this.mlpNorm === undefined) return attended;
    const raised = this.mlp.forward(this.mlpNorm.forward(attended), keys[3]);
    return attended.add(this.#dropout.forward(normed(raised, this.mlpOutputNorm), keys[1]));
  }
}
