import { TaskUsageError } from '../errors.js';
import { philox4x32 } from './philox.js';
import { splitWords } from './split-words.js';

/** Where a stream of random numbers lies: a purpose and a place within it, an example number for instance. */
export interface StreamAddress {
  /** Small number that keeps the purposes of one seed apart; 0 to 2^32 - 1. */
  readonly domain: number;
  /** Non-negative safe integer. */
  readonly index: number;
}

/** Everything needed to go on with a stream; plain JSON. */
export interface PhiloxRandomState {
  readonly seed: number;
  readonly domain: number;
  readonly index: number;
  /** Words drawn so far. */
  readonly drawn: number;
}

const WORDS_PER_BLOCK = 4;
const WORD_RANGE = 0x1_0000_0000;

/**
 * A seeded random generator on Philox4x32-10. The seed is the key; the counter holds the number of the
 * block, the index and the domain. Streams of different addresses are independent, none needs another to be
 * drawn first, and all arithmetic is on integers: the same address gives the same bits on every machine.
 *
 * A stream holds 2^34 words.
 */
export class PhiloxRandom {
  readonly #seed: number;
  readonly #address: StreamAddress;
  readonly #key: Uint32Array;
  readonly #counter: Uint32Array;
  readonly #words = new Uint32Array(WORDS_PER_BLOCK);
  #drawn = 0;

  /**
   * @param seed - integer from 0 to 2^53 - 1.
   * @throws TaskUsageError when the seed or the address is out of range.
   */
  constructor(seed: number, address: StreamAddress = { domain: 0, index: 0 }) {
    const { domain, index } = address;
    if (!Number.isInteger(domain) || domain < 0 || domain >= WORD_RANGE) {
      throw new TaskUsageError(`PhiloxRandom: expected a domain from 0 to 2^32 - 1, got ${domain}.`);
    }
    this.#seed = seed;
    this.#address = { domain, index };
    this.#key = Uint32Array.from(splitWords(seed, 'PhiloxRandom: seed'));
    const [low, high] = splitWords(index, 'PhiloxRandom: index');
    this.#counter = Uint32Array.of(0, low, high, domain);
  }

  /** A uniform integer from 0 to 2^32 - 1. */
  uint32(): number {
    const place = this.#drawn % WORDS_PER_BLOCK;
    if (place === 0) {
      this.#counter[0] = this.#drawn / WORDS_PER_BLOCK;
      philox4x32(this.#counter, this.#key, this.#words);
    }
    this.#drawn += 1;
    return this.#words[place] ?? 0;
  }

  /**
   * A uniform integer from 0 to `bound - 1`, without the bias of a plain remainder: words of the incomplete
   * last run of `bound` values are drawn again.
   *
   * @throws TaskUsageError unless `bound` is an integer from 1 to 2^32.
   */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > WORD_RANGE) {
      throw new TaskUsageError(`PhiloxRandom.integer: expected a bound from 1 to 2^32, got ${bound}.`);
    }
    const complete = WORD_RANGE - (WORD_RANGE % bound);
    let word = this.uint32();
    while (word >= complete) word = this.uint32();
    return word % bound;
  }

  /** Shuffles in place (Fisher-Yates): every order is equally likely. Returns its argument. */
  shuffle<T extends unknown[] | Int32Array | Uint32Array>(items: T): T {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const swapped = items[last];
      items[last] = items[other] as typeof swapped;
      items[other] = swapped;
    }
    return items;
  }

  /** `count` different integers from 0 to `bound - 1`; every ordered choice is equally likely. */
  sampleWithoutReplacement(bound: number, count: number): number[] {
    if (!Number.isInteger(count) || count < 0 || count > bound) {
      throw new TaskUsageError(
        `PhiloxRandom.sampleWithoutReplacement: cannot choose ${count} different integers out of ${bound}.`,
      );
    }
    const pool = Array.from({ length: bound }, (_, value) => value);
    return Array.from({ length: count }, (_, place) => {
      const other = place + this.integer(bound - place);
      const chosen = pool[other] ?? 0;
      pool[other] = pool[place] ?? 0;
      return chosen;
    });
  }

  /** What {@link PhiloxRandom.restore} needs to go on from here. */
  state(): PhiloxRandomState {
    return { seed: this.#seed, ...this.#address, drawn: this.#drawn };
  }

  /** A generator that continues where `state` was taken. */
  static restore(state: PhiloxRandomState): PhiloxRandom {
    const { seed, domain, index, drawn } = state;
    if (!Number.isSafeInteger(drawn) || drawn < 0) {
      throw new TaskUsageError(`PhiloxRandom.restore: expected a non-negative count of words, got ${drawn}.`);
    }
    const random = new PhiloxRandom(seed, { domain, index });
    const place = drawn % WORDS_PER_BLOCK;
    random.#drawn = drawn - place;
    for (let skipped = 0; skipped < place; skipped++) random.uint32();
    return random;
  }
}
