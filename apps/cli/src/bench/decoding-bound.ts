import type { Transformer } from '@foretoken/models';
import type { CompiledStep, Device, Tensor } from '@foretoken/tensor';
import { median } from '../statistics.js';
import { randomVariable } from './random-variable.js';

const BYTES_PER_NUMBER = 4;
/** Lengths of the two chains of dispatches; their difference leaves out what a submission costs. */
const CHAINS = [16, 144] as const;
/** Numbers of the tensor that is read to measure bandwidth: far more than caches hold. */
const LARGE = 2 ** 24;

type Chain = CompiledStep<{ x: Tensor }, { y: Tensor }>;

/** Measures what the adapter itself costs, a turn at a time, between turns of other work. */
export class AdapterCosts {
  readonly #device: Device;
  readonly #chains: readonly Chain[];
  readonly #large;
  readonly #sum;
  readonly #emptyMicroseconds: number[] = [];
  readonly #gigabytesPerSecond: number[] = [];

  constructor(device: Device) {
    this.#device = device;
    // Products of single numbers: one after the other, each a dispatch that has next to nothing to do.
    this.#chains = CHAINS.map((length) =>
      device.compile(
        ({ x }: { x: Tensor }) => {
          let y = x;
          for (let at = 0; at < length; at++) y = y.matmul(x);
          return { y };
        },
        { name: `${length} dispatches` },
      ),
    );
    const large = randomVariable(device, [LARGE / 1024, 1024]);
    this.#large = large;
    this.#sum = device.compile(() => ({ y: large.sum(0) }), { name: 'read' });
  }

  async turn(): Promise<void> {
    const [short = 0, long = 0] = [await this.#timeChain(0), await this.#timeChain(1)];
    this.#emptyMicroseconds.push((1000 * (long - short)) / (CHAINS[1] - CHAINS[0]));
    const milliseconds = await this.#time(() => this.#sum.run({}).y);
    this.#gigabytesPerSecond.push((LARGE * BYTES_PER_NUMBER) / milliseconds / 1e6);
  }

  #timeChain(at: 0 | 1): Promise<number> {
    const inputs = { x: { data: Float32Array.of(1), shape: [1, 1] } };
    return this.#time(() => (this.#chains[at] as Chain).run(inputs).y);
  }

  /** The median of five. */
  async #time(run: () => Tensor): Promise<number> {
    const times: number[] = [];
    for (let repeat = 0; repeat < 6; repeat++) {
      const start = performance.now();
      const result = run();
      await this.#device.sync();
      times.push(performance.now() - start);
      result.dispose();
    }
    return median(times.slice(1));
  }

  /** Medians over the turns. */
  get result(): { readonly emptyDispatchMicroseconds: number; readonly gigabytesPerSecond: number } {
    return {
      emptyDispatchMicroseconds: median(this.#emptyMicroseconds),
      gigabytesPerSecond: median(this.#gigabytesPerSecond),
    };
  }

  dispose(): void {
    for (const chain of this.#chains) chain.dispose();
    this.#sum.dispose();
    this.#large.dispose();
  }
}

/** Bytes that one more token cannot but read: weights of blocks and output, and keys and values of `length` tokens. */
export function bytesOfToken(model: Transformer, length: number): number {
  const { layers, keyValueHeads, headWidth, tiedEmbeddings } = model.config;
  let weights = 0;
  for (const [name, { size }] of model.parameters()) {
    if (!/^(embeddings|positions)\b/.test(name)) weights += size;
  }
  // Tied, the output is the table of embeddings; of the other tables one row is read.
  if (tiedEmbeddings) weights += model.unembedding.size;
  return BYTES_PER_NUMBER * (weights + 2 * layers * keyValueHeads * headWidth * length);
}
