import { DATA_DOMAIN } from './held-out.js';
import { PhiloxRandom } from './random/philox-random.js';

/**
 * The endless stream of the examples of a finite set: all of them, shuffled, then all again in another order. A function of
 * seed and place alone, so that there is no position to save.
 */
export class ShuffledStream {
  /** The order of the epoch asked for last; only spares making the same order again. */
  #epoch: { number: number; order: Uint32Array } | undefined;

  constructor(
    readonly count: number,
    readonly seed: number,
  ) {}

  /** Number of the example at a place. */
  at(place: number): number {
    const { count, seed } = this;
    const number = Math.floor(place / count);
    if (this.#epoch?.number !== number) {
      const random = new PhiloxRandom(seed, { domain: DATA_DOMAIN.epoch, index: number });
      const order = random.shuffle(Uint32Array.from({ length: count }, (_, example) => example));
      this.#epoch = { number, order };
    }
    return this.#epoch.order[place % count] as number;
  }
}
