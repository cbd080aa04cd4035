// B batch, Hk key/value heads, S slots of the cache, T time, K width of a head.

import { type AttentionCache, ConfigError } from '@foretoken/nn';
import type { Device, Tensor, Variable } from '@foretoken/tensor';
import type { TransformerConfig } from './config.js';

const FLOAT_BYTES = 4;

/** One pass of the trunk over a cache. */
export interface CachePass {
  layer(index: number): AttentionCache;
}

export interface CacheSize {
  readonly batch: number;
  /** Tokens of the longest sequence. */
  readonly capacity: number;
}

interface Layer {
  readonly key: Variable;
  readonly value: Variable;
}

/**
 * Keys and values of all layers, `[B, Hk, S, K]` each, in memory taken once. All sequences of the batch write to
 * the same slots; those that are shorter start at a later one, and the mask hides what lies before.
 */
export class KeyValueCache {
  readonly #layers: readonly Layer[];
  readonly #capacity: number;

  /** @throws ConfigError when a buffer of the adapter cannot hold the keys of a layer */
  constructor(device: Device, config: TransformerConfig, { batch, capacity }: CacheSize) {
    const shape = [batch, config.keyValueHeads, capacity, config.headWidth];
    const size = shape.reduce((product, length) => product * length, 1);
    const most = device.limits.maxBufferSize ?? Number.POSITIVE_INFINITY;
    if (size * FLOAT_BYTES > most) {
      throw new ConfigError(
        `KeyValueCache: a batch of ${batch} with a capacity of ${capacity} tokens takes ${size * FLOAT_BYTES} bytes of keys a layer; the adapter holds ${most} at most. Choose a smaller batch or capacity.`,
      );
    }
    const make = (name: string): Variable =>
      device.variable(new Float32Array(size), { shape, name, trainable: false });
    this.#capacity = capacity;
    this.#layers = Array.from({ length: config.layers }, (_, index) => ({
      key: make(`cache.${index}.key`),
      value: make(`cache.${index}.value`),
    }));
  }

  /** A pass over the first tokens: fills slots from 0 on; attention sees these tokens, `Tk = T`. */
  prefill(): CachePass {
    const fill = (variable: Variable, fresh: Tensor): void =>
      variable.assign(fresh.pad(2, 0, this.#capacity - (fresh.shape[2] as number)));
    return this.#pass(false, ({ key, value }, fresh) => {
      fill(key, fresh.key);
      fill(value, fresh.value);
      return fresh;
    });
  }

  /**
   * A pass over more tokens: writes each to its slot (those out of range are dropped), attention sees all slots, `Tk = S`.
   * What is in later slots, drafts that were given up for instance, is hidden by the mask until it is written over.
   *
   * @param slots - i32 `[T]`
   */
  append(slots: Tensor): CachePass {
    return this.#pass(true, ({ key, value }, fresh) => ({
      key: key.assignRows(2, fresh.key, slots),
      value: value.assignRows(2, fresh.value, slots),
    }));
  }

  dispose(): void {
    for (const { key, value } of this.#layers) {
      key.dispose();
      value.dispose();
    }
  }

  #pass(
    fewQueries: boolean,
    update: (layer: Layer, fresh: { key: Tensor; value: Tensor }) => { key: Tensor; value: Tensor },
  ): CachePass {
    return {
      layer: (index) => ({
        update: (key, value) => update(this.#layers[index] as Layer, { key, value }),
        fewQueries,
      }),
    };
  }
}
