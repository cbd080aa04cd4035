// B batch, P prompt, S slots of the cache, C channels of a token, V vocabulary.
import type { StepProfile, Tensor } from '@foretoken/tensor';
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
 * The two compiled steps of generation: the prompts at once, then token after token. Prompts of different lengths
 * are filled up in front, so that all rows write to the same slot of the cache. What follows an empty slot in time
 * has a higher `order` than any query, so causality alone hides it.
 */
export class DecodingSteps {
  readonly #options: DecodingOptions;
  readonly #cache: KeyValueCache;
  readonly #prefill;
  readonly #append;

  constructor(model: Transformer, options: DecodingOptions) {
    const { device } = model;
    this.#options = options;
    this.#cache = new KeyValueCache(device, model.config, options);
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
      ({ tokens, padding, slot }: { tokens: Tensor; padding: Tensor; slot: Tensor }) => {
        const order = slot.sub(padding).unsqueeze(1);
        const query: TokenMetadata = { order, segment: order.sub(order) };
        const slots = slotMetadata(padding, options.capacity);
        const hidden = model.trunk({
          tokens,
          positions: order,
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
   * Runs the prompts; gives tokens i32 `[B]`, or logits `[B, V]`.
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

  /** Runs one more token `[B, C]` of each row, at `slot`. */
  async append(tokens: Int32Array, padding: Int32Array, slot: number): Promise<Int32Array | Float32Array> {
    const { batch, channels } = this.#options;
    return readAndFree(
      this.#append.run({
        tokens: { data: tokens, shape: [batch, 1, channels] },
        padding: { data: padding, shape: [batch] },
        slot: { data: Int32Array.of(slot), shape: [] },
      }),
    );
  }

  /** Times the kernels of one more token; the last slot of the cache is lost. */
  profile(): Promise<StepProfile> {
    const { batch, channels, capacity } = this.#options;
    return this.#append.profile({
      tokens: { data: new Int32Array(batch * channels), shape: [batch, 1, channels] },
      padding: { data: new Int32Array(batch), shape: [batch] },
      slot: { data: Int32Array.of(capacity - 1), shape: [] },
    });
  }

  dispose(): void {
    this.#prefill.dispose();
    this.#append.dispose();
    this.#cache.dispose();
  }

  #next(model: Transformer, hidden: Tensor): Tensor {
    const logits = model.logits(hidden).squeeze(1);
    return this.#options.greedy ? logits.argmax(-1) : logits;
  }
}

async function readAndFree({ next }: { next: Tensor }): Promise<Int32Array | Float32Array> {
  const values = await next.data();
  next.dispose();
  return values as Int32Array | Float32Array;
}
