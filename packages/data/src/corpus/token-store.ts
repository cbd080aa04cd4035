/** Tokens of a chunk. */
const CHUNK = 2 ** 20;
/** Ids below this take two bytes. */
const SHORT_IDS = 2 ** 16;

/** A list of ids that grows, of any length, in as few bytes as the vocabulary allows. */
export class TokenStore {
  readonly #chunks: (Uint16Array | Int32Array)[] = [];
  readonly #isShort: boolean;
  #length = 0;

  constructor(vocabularySize: number) {
    this.#isShort = vocabularySize <= SHORT_IDS;
  }

  get length(): number {
    return this.#length;
  }

  append(ids: ArrayLike<number>): void {
    for (let at = 0; at < ids.length; at++) {
      const place = this.#length % CHUNK;
      if (place === 0) this.#chunks.push(this.#isShort ? new Uint16Array(CHUNK) : new Int32Array(CHUNK));
      (this.#chunks.at(-1) as Uint16Array)[place] = ids[at] as number;
      this.#length++;
    }
  }

  /** Copies ids `start` to `end - 1` to `target`, from `at` on. */
  copyTo(target: Int32Array, at: number, start: number, end: number): void {
    for (let from = start; from < end; ) {
      const chunk = this.#chunks[Math.floor(from / CHUNK)] as Uint16Array;
      const first = from % CHUNK;
      const count = Math.min(end - from, CHUNK - first);
      target.set(chunk.subarray(first, first + count), at + from - start);
      from += count;
    }
  }

  /** How many of ids `start` to `end - 1` are this one. */
  countOf(id: number, start: number, end: number): number {
    let count = 0;
    for (let at = start; at < end; at++)
      if ((this.#chunks[Math.floor(at / CHUNK)] as Uint16Array)[at % CHUNK] === id) count++;
    return count;
  }
}
