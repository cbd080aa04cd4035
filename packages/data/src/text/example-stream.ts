import { epochLength, epochOrder } from './epoch-order.js';

export interface ExampleStreamOptions {
  /** Bucket of each example. */
  readonly buckets: Uint8Array;
  readonly bucketCount: number;
  /** Examples that lie together and share a bucket. */
  readonly group: number;
  /** Shuffles each epoch anew; without it all epochs are the first. */
  readonly seed?: number | undefined;
}

/** The endless stream of examples that batches are cut from: one epoch behind the other. */
export class ExampleStream {
  /** Places of an epoch. */
  readonly epochLength: number;
  readonly #options: ExampleStreamOptions;
  /** The order asked for last; only spares making the same order again. */
  #made: { readonly epoch: number; readonly order: Uint32Array } | undefined;

  constructor(options: ExampleStreamOptions) {
    this.#options = options;
    this.epochLength = epochLength(options.buckets.length, options.group);
  }

  /** Number of the example at a place; the stream must hold any. */
  at(place: number): number {
    const { seed, ...order } = this.#options;
    const epoch = seed === undefined ? 0 : Math.floor(place / this.epochLength);
    if (this.#made?.epoch !== epoch) {
      const shuffle = seed === undefined ? undefined : { seed, epoch };
      this.#made = { epoch, order: epochOrder({ ...order, shuffle }) };
    }
    return this.#made.order[place % this.epochLength] as number;
  }
}
