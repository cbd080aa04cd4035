// B batch, T time, C channels of a token, D width, V vocabulary.

import {
  ConfigError,
  Dropout,
  Embedding,
  type LayerNorm,
  Linear,
  Module,
  normal,
  type RMSNorm,
  RotaryEmbedding,
  SinusoidalPositions,
} from '@foretoken/nn';
import {
  type Device,
  foldIn,
  type HostRandom,
  ShapeError,
  softCap,
  type Tensor,
  type Variable,
} from '@foretoken/tensor';
import { Block, type BlockInputs, createNorm, gaussian } from './block.js';
import type { CachePass } from './cache.js';
import { type TransformerConfig, type TransformerConfigInput, transformerConfig } from './config.js';
import { windowMask } from './masks.js';

/** What the trunk reads. Objectives make it from host arrays; position ids and the mask are theirs to set. */
export interface TrunkInputs {
  /** i32 `[B, T]`, or `[B, T, C]`: channel c looks up table c, the vectors are added; -1 adds nothing. */
  readonly tokens?: Tensor | undefined;
  /** f32 `[B, T, D]` instead of tokens, or added to theirs (where a token is -1, they stand alone). */
  readonly embeddings?: Tensor | undefined;
  /** i32 `[B, T]`, from 0 to `maxPositions - 1`. */
  readonly positions: Tensor;
  /** bool, broadcasts to `[B, H, Tq, Tk]`; every token sees every token when it is absent. */
  readonly mask?: Tensor | undefined;
  /** i32 `[B, Tk]`: position ids of the keys, where a cache holds others than the queries. Default `positions`. */
  readonly keyPositions?: Tensor | undefined;
  /** Whether squares of pairs that the mask rules out are skipped; false computes all. Default true. */
  readonly skipBlocks?: boolean | undefined;
  /** Keys and values of earlier tokens, see `KeyValueCache`. */
  readonly cache?: CachePass | undefined;
  /** u32 `[2]`, another one for each step: asks for dropout, and so for training. */
  readonly dropoutKey?: Tensor | undefined;
}

/**
 * A stack of blocks over tokens, of which the mask says what they see; its config makes it GPT-2, Llama, the trunk of a
 * vision transformer, attention-only or anything between.
 */
export class Transformer extends Module {
  /** One table a channel. */
  readonly embeddings: readonly Embedding[];
  /** Learned or sinusoidal position vectors. */
  readonly positions: Embedding | SinusoidalPositions | undefined;
  readonly blocks: readonly Block[];
  readonly finalNorm: LayerNorm | RMSNorm;
  /** The output, where it is not tied to the embeddings. */
  readonly output: Linear | undefined;
  readonly #config: TransformerConfig;
  readonly #device: Device;
  readonly #rotary: RotaryEmbedding | undefined;
  readonly #dropout: Dropout;

  /**
   * @param random - of the first values of the parameters; without it they are 0, for a model that is loaded next
   * @throws ConfigError listing everything that is wrong with the config
   */
  constructor(device: Device, input: TransformerConfigInput, random?: HostRandom) {
    super();
    const config = transformerConfig(input);
    const { width, headWidth, maxPositions, grid, initialization } = config;
    this.#config = config;
    this.#device = device;
    this.#dropout = new Dropout(config.dropout);
    this.embeddings = [config.vocabularySize, ...config.channelVocabularySizes]
      .filter((count) => count > 0)
      .map(
        (count) =>
          new Embedding(
            device,
            { count, width, weightInit: normal({ std: initialization.embedding }) },
            random,
          ),
      );
    if (config.positions === 'learned') {
      const weightInit = normal({ std: initialization.positions });
      this.positions = new Embedding(device, { count: maxPositions, width, weightInit }, random);
    } else if (config.positions === 'sinusoidal') {
      this.positions = new SinusoidalPositions(device, { width, maxPositions });
    } else if (config.positions === 'sinusoidal2d') {
      this.positions = new SinusoidalPositions(device, { width, maxPositions, grid });
    } else if (config.positions === 'rotary') {
      this.#rotary = new RotaryEmbedding(device, { headWidth, maxPositions, ...config.rotary });
    } else if (config.positions === 'rotary2d') {
      this.#rotary = new RotaryEmbedding(device, { headWidth, maxPositions, grid, ...config.rotary });
    }
    this.blocks = Array.from(
      { length: config.layers },
      (_, layer) => new Block(device, config, random, layer),
    );
    this.finalNorm = createNorm(device, config);
    if (!config.tiedEmbeddings) {
      const weightInit = gaussian(initialization.output, width);
      this.output = new Linear(
        device,
        { inWidth: width, outWidth: config.vocabularySize, bias: false, weightInit },
        random,
      );
    }
  }

  get config(): TransformerConfig {
    return this.#config;
  }
  get device(): Device {
    return this.#device;
  }

  /**
   * The weight of the output, `[V, D]`. Losses made from it must cap logits at `config.logitSoftCap`.
   *
   * @throws ConfigError when the model has no vocabulary
   */
  get unembedding(): Variable {
    const table = this.output ?? this.embeddings[0];
    if (table === undefined) throw new ConfigError('Transformer: without a vocabulary there is no output.');
    return table.weight;
  }

  /** Hidden states after the final norm, ready for the output: `[B, T, D]`. */
  trunk(inputs: TrunkInputs): Tensor {
    return this.finalNorm.forward(this.residual(inputs));
  }

  /** Hidden states before the final norm, for heads that add blocks of their own: `[B, T, D]`. */
  residual(inputs: TrunkInputs): Tensor {
    const context = this.context(inputs);
    const { dropoutKey } = inputs;
    const embedded = this.#dropout.forward(this.#embed(inputs), dropoutKey && foldIn(dropoutKey, 0));
    return this.blocks.reduce(
      (hidden, block, layer) =>
        block.forward(hidden, {
          ...context,
          dropoutKey: dropoutKey && foldIn(dropoutKey, layer + 1),
          cache: inputs.cache?.layer(layer),
        }),
      embedded,
    );
  }

  /**
   * How much of each token every token takes, a tensor f32 `[B, H, T, T]` for each block: what attention looks at, for
   * figures. Takes memory and time that training never does, and no cache.
   *
   * @throws ShapeError when the inputs have a cache
   */
  attentionWeights(inputs: Omit<TrunkInputs, 'dropoutKey'>): Tensor[] {
    if (inputs.cache !== undefined) throw new ShapeError('Transformer: attention weights take no cache.');
    const context = this.context(inputs);
    const weights: Tensor[] = [];
    this.blocks.reduce((hidden, block) => {
      weights.push(block.attentionWeights(hidden, context));
      return block.forward(hidden, context);
    }, this.#embed(inputs));
    return weights;
  }

  /** Masks and rotary positions as blocks take them: for `residual`, and for the blocks of heads. */
  context({
    positions,
    mask,
    keyPositions = positions,
    skipBlocks,
  }: Pick<TrunkInputs, 'positions' | 'mask' | 'keyPositions' | 'skipBlocks'>): BlockInputs {
    const { slidingWindow, maxPositions } = this.#config;
    // A window as wide as all positions hides nothing.
    const size = slidingWindow && slidingWindow.size < maxPositions ? slidingWindow.size : undefined;
    const window = size === undefined ? undefined : windowMask(positions, keyPositions, size);
    return {
      mask,
      windowedMask: window === undefined || mask === undefined ? window : mask.and(window),
      skipBlocks,
      rotation: this.#rotary?.rotation(positions),
    };
  }

  /** `[..., D]` to `[..., V]`, capped where the config says so. */
  logits(hidden: Tensor): Tensor {
    const logits = hidden.matmul(this.unembedding, { transposeB: true });
    const cap = this.#config.logitSoftCap;
    return cap === undefined ? logits : softCap(logits, cap);
  }

  /** A fresh block like those of the trunk, for a head. The caller owns its parameters. */
  block(random: HostRandom): Block {
    return new Block(this.#device, this.#config, random);
  }

  override dispose(): void {
    super.dispose();
    this.#rotary?.dispose();
  }

  #embed({ tokens, embeddings, positions }: TrunkInputs): Tensor {
    const parts = [
      ...(tokens === undefined ? [] : this.#lookUp(tokens)),
      ...(embeddings === undefined ? [] : [embeddings]),
    ];
    const [first, ...others] = parts;
    if (first === undefined) throw new ShapeError('Transformer: give tokens, embeddings, or both.');
    const sum = others.reduce((all, part) => all.add(part), first);
    const scale = this.#config.embeddingScale;
    const vectors = scale === 1 ? sum : sum.mul(scale);
    return this.positions === undefined ? vectors : vectors.add(this.positions.forward(positions));
  }

  #lookUp(tokens: Tensor): Tensor[] {
    const [table] = this.embeddings;
    if (tokens.rank === 2 && table !== undefined) return [table.forward(tokens)];
    const channels = tokens.shape[2];
    if (tokens.rank !== 3 || channels === undefined || channels > this.embeddings.length) {
      throw new ShapeError(
        `Transformer: expected tokens [B, T] or [B, T, C] with C up to ${this.embeddings.length}, got [${tokens.shape.join(', ')}].`,
      );
    }
    return this.embeddings
      .slice(0, channels)
      .map((table, channel) => table.forward(tokens.slice(2, channel, channel + 1).squeeze(2)));
  }
}
