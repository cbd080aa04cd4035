import { philox4x32 } from './philox.js';
import { splitWords } from './split-words.js';

/** Keeps the counters of the hash apart from those of the streams, whose domains are small numbers. */
const HASH_DOMAIN = 0x68617368;

/**
 * A 32-bit hash of a list of words under a key: each word and its place are mixed into a running state by the
 * Philox block function. It decides by content alone, so it needs no table of what has been seen. It is well
 * mixed, not cryptographic.
 *
 * @param words - unsigned 32-bit integers.
 * @param key - integer from 0 to 2^53 - 1.
 * @returns an unsigned 32-bit integer.
 */
export function keyedHash(words: ArrayLike<number>, key: number): number {
  const keyWords = Uint32Array.from(splitWords(key, 'keyedHash: key'));
  const state = Uint32Array.of(0, 0, 0, HASH_DOMAIN);
  for (let place = 0; place < words.length; place++) {
    state[0] = (state[0] ?? 0) ^ (words[place] ?? 0);
    state[3] = (state[3] ?? 0) ^ (place + 1);
    philox4x32(state, keyWords, state);
  }
  return state[0] ?? 0;
}
