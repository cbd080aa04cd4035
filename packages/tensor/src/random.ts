import { ForetokenError } from './errors.js';
import { KEY_DOMAIN, threefry } from './threefry.js';

/**
 * The key of a random stream: of a seed, and of a path of numbers below it (which parameter, which step ...).
 * Streams of different paths are independent.
 *
 * @param seed - a non-negative integer below 2^53
 */
export function randomKey(seed: number, ...stream: readonly number[]): Uint32Array {
  for (const part of [seed, ...stream]) {
    if (!Number.isSafeInteger(part) || part < 0) {
      throw new ForetokenError(`randomKey: expected non-negative integers, got ${part}.`);
    }
  }
  let key: [number, number] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  for (const part of stream) {
    // Both halves of a large number count, each in a derivation of its own.
    key = threefry(key[0], key[1], part >>> 0, KEY_DOMAIN);
    const high = Math.floor(part / 2 ** 32);
    if (high > 0) key = threefry(key[0], key[1], high >>> 0, KEY_DOMAIN + 1);
  }
  return Uint32Array.from(key);
}

/** Everything that a host generator has to remember. */
export interface HostRandomState {
  readonly key: readonly [number, number];
  readonly drawn: number;
}

/** Random numbers on the host, equal on every machine. */
export class HostRandom {
  #key: readonly [number, number];
  /** Words drawn so far. */
  #drawn = 0;
  #block: readonly [number, number] = [0, 0];

  constructor(seed: number, ...stream: readonly number[]) {
    const key = randomKey(seed, ...stream);
    this.#key = [key[0] as number, key[1] as number];
  }

  /** 32 random bits. */
  uint32(): number {
    const half = this.#drawn % 2;
    if (half === 0) this.#fill();
    this.#drawn++;
    return this.#block[half] as number;
  }

  #fill(): void {
    const counter = Math.floor(this.#drawn / 2);
    this.#block = threefry(this.#key[0], this.#key[1], counter >>> 0, 2 * Math.floor(counter / 2 ** 32));
  }

  /** Uniform on [0, 1), with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Standard normal, by the method of Box and Muller. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Uniform on 0 .. bound - 1, without bias. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new ForetokenError(`integer: expected a bound from 1 to 2^32, got ${bound}.`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const word = this.uint32();
      if (word < limit) return word % bound;
    }
  }

  /** Shuffles in place (Fisher-Yates), and gives the array back. */
  shuffle<Items extends { [place: number]: unknown; length: number }>(items: Items): Items {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const held = items[last];
      items[last] = items[other];
      items[other] = held;
    }
    return items;
  }

  state(): HostRandomState {
    return { key: this.#key, drawn: this.#drawn };
  }

  static restore(state: HostRandomState): HostRandom {
    const random = new HostRandom(0);
    random.#key = state.key;
    random.#drawn = state.drawn;
    if (state.drawn % 2 === 1) {
      random.#drawn--;
      random.#fill();
      random.#drawn++;
    }
    return random;
  }
}
