// B batch, P prompt, S slots of the cache, C channels of a token, V vocabulary.
import type { StepProfile, Tensor, Variable } from '@foretoken/tensor';
import { type CacheSize, KeyValueCache } from './cache.js';
import { type TokenMetadata, visible } from './masks.js';
import type { Transformer } from './transformer.js';

export interface DecodingOptions extends CacheSize {
  readonly channels: number;
  /** Tokens of a prompt see the whole prompt. */
  readonly bidirectionalPrefix: boolean;
  /** Give the likeliest token (chosen on the GPU) instead of logits. */
  readonly greedy: boolean;
}

interface AppendInputs extends Record<string, Tensor> {
  /** i32 `[B, 1, C]` */
  readonly tokens: Tensor;
  /** i32 `[B]` */
  readonly padding: Tensor;
  /** Where the tokens stand in a row without filling, i32 `[]`. */
  readonly time: Tensor;
  /** Where the cache keeps them, i32 `[]`. */
  readonly slot: Tensor;
}

interface Filled {
  readonly order: Tensor;
  readonly segment: Tensor;
}

/** Metadata of `count` slots when the first `padding` of a row are empty. @param padding - i32 `[B]` */
function slotMetadata(padding: Tensor, count: number): Filled {
  const order = padding.device.arange(count, 'i32').unsqueeze(0).sub(padding.unsqueeze(1));
  return { order, segment: order.ge(0).cast('i32').sub(1) };
}

/**
 * Metadata of all slots of the cache, which a row fills round and round from slot `padding` on. Slots that it has not come
 * to yet have a higher order than any of its queries.
 */
function cacheMetadata(padding: Tensor, capacity: number): Filled {
  const ahead = padding.device.arange(capacity, 'i32').unsqueeze(0).sub(padding.unsqueeze(1));
  const order = ahead.add(ahead.lt(0).cast('i32').mul(capacity));
  return { order, segment: order.sub(order) };
}

/** What a greedy pass gives where the logits of a row are not finite. */
export const NOT_FINITE = -1;

/**
 * The two compiled steps of generation: the prompts at once, then token after token. Prompts of different lengths
 * are filled up in front, so that all rows write to the same slot of the cache. Behind the last slot comes the first
 * again: a short prompt uses the slots of its filling, so every row has room for `capacity` tokens, whatever the others
 * have. Slots that a row has not written have a higher `order` than any of its queries, so causality alone hides them.
 */
export class DecodingSteps {
  readonly #options: DecodingOptions;
  readonly #cache: KeyValueCache;
  /** The likeliest tokens of the last pass, i32 `[B]`: the next pass can be submitted before they have been read. */
  readonly #chosen: Variable | undefined;
  readonly #prefill;
  readonly #append;

  constructor(model: Transformer, options: DecodingOptions) {
    const { device } = model;
    this.#options = options;
    this.#cache = new KeyValueCache(device, model.config, options);
    if (options.greedy)
      this.#chosen = device.variable(new Int32Array(options.batch), { name: 'chosen', trainable: false });
    this.#prefill = device.compile(
      ({ tokens, padding }: { tokens: Tensor; padding: Tensor }) => {
        const time = tokens.shape[1] as number;
        const filled = slotMetadata(padding, time);
        const metadata: TokenMetadata = { ...filled, prefix: filled.order.ge(0).cast('i32') };
        const mask = visible(metadata, metadata, { bidirectional: options.bidirectionalPrefix });
        const positions = filled.order.maximum(0);
        const hidden = model.trunk({ tokens, positions, mask, cache: this.#cache.prefill() });
        return { next: this.#next(model, hidden.slice(1, time - 1)) };
      },
      { name: 'prefill' },
    );
    this.#append = device.compile(
      ({ tokens, padding, time, slot }: AppendInputs) => {
        const read = this.#chosen === undefined ? tokens : this.#inChannels(this.#chosen);
        const order = time.sub(padding).unsqueeze(1);
        const query: TokenMetadata = { order, segment: order.sub(order) };
        const slots = cacheMetadata(padding, options.capacity);
        const hidden = model.trunk({
          tokens: read,
          // Rows that have ended run on with the others, and are not read.
          positions: order.minimum(model.config.maxPositions - 1),
          mask: visible(query, slots),
          keyPositions: slots.order,
          cache: this.#cache.append(slot.reshape([1])),
        });
        return { next: this.#next(model, hidden) };
      },
      { name: 'decode' },
    );
  }

  /**
   * Runs the prompts; gives tokens i32 `[B]` (`NOT_FINITE` where logits are not), or logits `[B, V]`.
   *
   * @param tokens - `[B, P, C]`, filled up in front
   * @param padding - `[B]`, how many places of each row are filling
   */
  async prefill(tokens: Int32Array, padding: Int32Array): Promise<Int32Array | Float32Array> {
    const { batch, channels } = this.#options;
    const shape = [batch, tokens.length / (batch * channels), channels];
    return readAndFree(
      this.#prefill.run({ tokens: { data: tokens, shape }, padding: { data: padding, shape: [batch] } }),
    );
  }

  /**
   * Runs one more token of each row, behind `time` others and fillings. Submits at once; what it gives may be waited for
   * later.
   *
   * @param tokens - `[B, C]`; read where the steps give logits, else the last likeliest tokens are
   */
  append(tokens: Int32Array, padding: Int32Array, time: number): Promise<Int32Array | Float32Array> {
    return readAndFree(this.#append.run(this.#appendInputs(tokens, padding, time)));
  }

  /** Times the kernels of one more token; the last slot of the cache is lost. */
  profile(): Promise<StepProfile> {
    const { batch, channels, capacity } = this.#options;
    return this.#append.profile(
      this.#appendInputs(new Int32Array(batch * channels), new Int32Array(batch), capacity - 1),
    );
  }

  dispose(): void {
    this.#prefill.dispose();
    this.#append.dispose();
    this.#cache.dispose();
    this.#chosen?.dispose();
  }

  #appendInputs(tokens: Int32Array, padding: Int32Array, time: number) {
    const { batch, channels, capacity } = this.#options;
    return {
      tokens: { data: tokens, shape: [batch, 1, channels] },
      padding: { data: padding, shape: [batch] },
      time: { data: Int32Array.of(time), shape: [] },
      slot: { data: Int32Array.of(time % capacity), shape: [] },
    };
  }

  #next(model: Transformer, hidden: Tensor): Tensor {
    const logits = model.logits(hidden).squeeze(1);
    if (this.#chosen === undefined) return logits;
    const chosen = likeliest(logits);
    this.#chosen.assign(chosen);
    return chosen;
  }

  /** i32 `[B]` to `[B, 1, C]`: new tokens have nothing but channel 0. */
  #inChannels(tokens: Tensor): Tensor {
    const { batch, channels } = this.#options;
    return tokens.reshape([batch, 1, 1]).pad(2, 0, channels - 1, -1);
  }
}

/** The likeliest token of each row, i32 `[...]`; `NOT_FINITE` where any logit is NaN or infinite. */
export function likeliest(logits: Tensor): Tensor {
  const finite = logits.isFinite().cast('i32').min(-1);
  return logits.argmax(-1).add(1).mul(finite).add(NOT_FINITE);
}

async function readAndFree({ next }: { next: Tensor }): Promise<Int32Array | Float32Array> {
  const values = await next.data();
  next.dispose();
  return values as Int32Array | Float32Array;
}
