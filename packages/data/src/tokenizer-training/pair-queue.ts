/** A pair of tokens, as one number, and how often it was counted when it was put into the queue. */
export interface CountedPair {
  readonly pair: number;
  readonly count: number;
}

/** More frequent pairs come first, of equally frequent ones that of the lower ids. */
const isBefore = (a: CountedPair, b: CountedPair): boolean =>
  a.count > b.count || (a.count === b.count && a.pair < b.pair);

/** A binary heap of pairs, the most frequent on top. */
export class PairQueue {
  readonly #heap: CountedPair[] = [];

  push(entry: CountedPair): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as CountedPair)) break;
      heap[at] = heap[parent] as CountedPair;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): CountedPair | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as CountedPair, heap[child] as CountedPair))
        child++;
      if (!isBefore(heap[child] as CountedPair, last)) break;
      heap[at] = heap[child] as CountedPair;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
