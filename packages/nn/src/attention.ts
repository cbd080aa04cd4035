// B batch, T time, D width, H heads, K width of a head.
import {
  type AttentionOptions,
  attention,
  type Device,
  foldIn,
  type HostRandom,
  selfAttention,
  type Tensor,
} from '@foretoken/tensor';
import { attentionWeights } from './attention-weights.js';
import { ConfigError, checkCount } from './errors.js';
import type { Initializer } from './initializers.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import { inPrecision, type Precision } from './precision.js';
import { type Rotation, rotate } from './rotary.js';

export interface AttentionConfig {
  readonly width: number;
  readonly heads: number;
  /** Each key and value head serves `heads / keyValueHeads` query heads (arXiv 2305.13245). Default `heads`. */
  readonly keyValueHeads?: number | undefined;
  /** Default `width / heads`. */
  readonly headWidth?: number | undefined;
  /** Biases of both projections. Default true. */
  readonly bias?: boolean | undefined;
  /** Bias of the second projection alone. Default `bias`. */
  readonly outputBias?: boolean | undefined;
  /** Factor of the scores. Default `1 / sqrt(headWidth)`. */
  readonly scale?: number | undefined;
  /** Scores become `scoreCap * tanh(scores / scoreCap)`. Not capped when absent. */
  readonly scoreCap?: number | undefined;
  readonly inputInit?: Initializer | undefined;
  readonly outputInit?: Initializer | undefined;
  readonly biasInit?: Initializer | undefined;
  /** Of the projections, and of the queries, keys and values that attention reads; with a cache those are f32. Default f32. */
  readonly precision?: Precision | undefined;
}

/** Keys and values of earlier passes, of one attention layer. */
export interface AttentionCache {
  /** Takes the new keys and values `[B, Hk, T, K]`; gives those that the new queries may attend to. */
  update(key: Tensor, value: Tensor): { key: Tensor; value: Tensor };
  /** Whether new queries are few beside the keys that they see, as when a text goes on token by token. Default false. */
  readonly fewQueries?: boolean | undefined;
}

export interface AttentionInputs {
  /** bool, broadcasts to `[B, H, Tq, Tk]`; every query sees every key when it is absent. */
  readonly mask?: Tensor | undefined;
  /** See `AttentionOptions` of `@foretoken/tensor`. Default true. */
  readonly skipBlocks?: boolean | undefined;
  /** Rotary positions of the tokens; keys enter the cache rotated. */
  readonly rotation?: Rotation | undefined;
  /** u32 `[2]`: of the dropout of adapters (see `LowRankAdapter`); none when it is absent. */
  readonly dropoutKey?: Tensor | undefined;
  readonly cache?: AttentionCache | undefined;
}

/** Multi-head attention with grouped-query heads. One projection gives queries, keys and values, in this order. */
export class Attention extends Module {
  readonly queryKeyValue: Linear;
  readonly output: Linear;
  readonly #heads: number;
  readonly #keyValueHeads: number;
  readonly #headWidth: number;
  readonly #scale: number;
  readonly #scoreCap: number | undefined;

  /** @param random - of the first values; all are 0 when it is absent, for layers that are loaded next */
  constructor(device: Device, config: AttentionConfig, random?: HostRandom) {
    super();
    const { width, heads, keyValueHeads = heads, headWidth = width / heads } = config;
    const { bias = true, outputBias = bias, inputInit, outputInit, biasInit, precision } = config;
    checkCount('Attention', 'heads', heads);
    checkCount('Attention', 'keyValueHeads', keyValueHeads);
    checkCount('Attention', 'headWidth (width / heads when absent)', headWidth);
    if (heads % keyValueHeads !== 0) {
      throw new ConfigError(
        `Attention: heads (${heads}) must be a multiple of keyValueHeads (${keyValueHeads}).`,
      );
    }
    this.#heads = heads;
    this.#keyValueHeads = keyValueHeads;
    this.#headWidth = headWidth;
    this.#scale = config.scale ?? 1 / Math.sqrt(headWidth);
    this.#scoreCap = config.scoreCap;
    const outWidth = (heads + 2 * keyValueHeads) * headWidth;
    this.queryKeyValue = new Linear(
      device,
      { inWidth: width, outWidth, bias, weightInit: inputInit, biasInit, precision },
      random,
    );
    this.output = new Linear(
      device,
      {
        inWidth: heads * headWidth,
        outWidth: width,
        bias: outputBias,
        weightInit: outputInit,
        biasInit,
        precision,
      },
      random,
    );
  }

  /** `[B, T, D]` to `[B, T, D]`. */
  forward(hidden: Tensor, { mask, skipBlocks, rotation, dropoutKey, cache }: AttentionInputs = {}): Tensor {
    const [batch, time] = hidden.shape as [number, number, number];
    const project = (mixed: Tensor): Tensor =>
      this.output.forward(mixed, dropoutKey && foldIn(dropoutKey, 1));
    const projected = this.queryKeyValue.forward(hidden, dropoutKey && foldIn(dropoutKey, 0));
    const options = { mask, skipBlocks, scale: this.#scale, softCap: this.#scoreCap };
    if (rotation === undefined && cache === undefined) {
      const heads = { queryHeads: this.#heads, keyHeads: this.#keyValueHeads };
      const kept = inPrecision(projected, this.output.precision);
      return project(selfAttention(kept, heads, options));
    }
    const { query, key, value } = this.#split(projected, rotation);
    const seen = cache === undefined ? { key, value } : cache.update(key, value);
    // Nothing is kept where there is a cache, which is f32.
    const precision = cache === undefined ? this.output.precision : 'f32';
    const sharedOut = cache?.fewQueries === true ? 'keys' : 'queries';
    const mixed = this.#fused(query, seen, { ...options, sharedOut }, precision);
    return project(mixed.permute([0, 2, 1, 3]).reshape([batch, time, this.#heads * this.#headWidth]));
  }

  /**
   * How much of the value of each token every token takes: `[B, T, D]` to f32 `[B, H, T, T]`. For looking into a model;
   * `forward` never stores them.
   */
  weights(hidden: Tensor, { mask, rotation }: Pick<AttentionInputs, 'mask' | 'rotation'> = {}): Tensor {
    const { query, key } = this.#split(this.queryKeyValue.forward(hidden), rotation);
    return attentionWeights(query, key, { mask, scale: this.#scale, cap: this.#scoreCap });
  }

  /** The fused kernel, on heads read in a precision. */
  #fused(
    query: Tensor,
    { key, value }: { readonly key: Tensor; readonly value: Tensor },
    options: AttentionOptions,
    precision: Precision,
  ): Tensor {
    const [q, k, v] = [query, key, value].map((heads) => inPrecision(heads, precision)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    return attention(q, k, v, options);
  }

  /** Queries `[B, H, T, K]`, keys and values `[B, Hk, T, K]`; queries and keys rotated. */
  #split(projection: Tensor, rotation: Rotation | undefined): { query: Tensor; key: Tensor; value: Tensor } {
    const [batch, time] = projection.shape as [number, number, number];
    const projected = projection
      .reshape([batch, time, this.#heads + 2 * this.#keyValueHeads, this.#headWidth])
      .permute([0, 2, 1, 3]);
    const keysAt = this.#heads;
    const valuesAt = keysAt + this.#keyValueHeads;
    const turned = (heads: Tensor): Tensor => (rotation === undefined ? heads : rotate(heads, rotation));
    return {
      query: turned(projected.slice(1, 0, keysAt)),
      key: turned(projected.slice(1, keysAt, valuesAt)),
      value: projected.slice(1, valuesAt, valuesAt + this.#keyValueHeads),
    };
  }
}
