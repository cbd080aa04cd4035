import type { Tensor } from '@foretoken/tensor';
import { checkRange } from './errors.js';
import { Module } from './module.js';

/**
 * Zeroes elements at random and scales the others by `1 / (1 - probability)`. It acts only when it is given a
 * key, so that whether a pass is training is said by the pass and not by hidden state of the module.
 */
export class Dropout extends Module {
  readonly probability: number;

  constructor(probability: number) {
    super();
    checkRange('Dropout', 'probability', probability, 0, 1, true);
    this.probability = probability;
  }

  /** @param key - u32 `[2]`, another one for every place and step; no dropout when it is absent */
  forward(input: Tensor, key: Tensor | undefined): Tensor {
    return key === undefined || this.probability === 0 ? input : input.dropout(this.probability, key);
  }
}
