// B batch, Hk key/value heads, S slots of the cache, T time, K width of a head.

import type { AttentionCache } from '@foretoken/nn';
import { type Device, type Tensor, type Variable, where } from '@foretoken/tensor';
import type { TransformerConfig } from './config.js';

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
 * the same slot; those that are shorter start at a later one, and the mask hides what lies before.
 */
export class KeyValueCache {
  readonly #layers: readonly Layer[];
  readonly #capacity: number;

  constructor(device: Device, config: TransformerConfig, { batch, capacity }: CacheSize) {
    const shape = [batch, config.keyValueHeads, capacity, config.headWidth];
    const size = shape.reduce((product, length) => product * length, 1);
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
    return this.#pass(({ key, value }, fresh) => {
      fill(key, fresh.key);
      fill(value, fresh.value);
      return fresh;
    });
  }

  /** A pass over one more token: writes to a slot, attention sees all slots, `Tk = S`. @param slot - i32 `[]` */
  append(slot: Tensor): CachePass {
    const here = slot.device.arange(this.#capacity, 'i32').reshape([1, 1, this.#capacity, 1]).eq(slot);
    const put = (variable: Variable, fresh: Tensor): Tensor => {
      const whole = where(here, fresh, variable);
      variable.assign(whole);
      return whole;
    };
    return this.#pass(({ key, value }, fresh) => ({
      key: put(key, fresh.key),
      value: put(value, fresh.value),
    }));
  }

  dispose(): void {
    for (const { key, value } of this.#layers) {
      key.dispose();
      value.dispose();
    }
  }

  #pass(
    update: (layer: Layer, fresh: { key: Tensor; value: Tensor }) => { key: Tensor; value: Tensor },
  ): CachePass {
    return {
      layer: (index) => ({ update: (key, value) => update(this.#layers[index] as Layer, { key, value }) }),
    };
  }
}
