import type { Device, HostRandom, Tensor, Variable } from '@foretoken/tensor';
import { Dropout } from './dropout.js';
import { ConfigError, checkCount } from './errors.js';
import { kaimingUniform, zeros } from './initializers.js';
import { Module } from './module.js';
import { parameter } from './parameter.js';
import { inPrecision, type Precision } from './precision.js';

export interface LowRankAdapterConfig {
  /** Of the layer that is adapted. */
  readonly inWidth: number;
  /** Of the layer that is adapted. */
  readonly outWidth: number;
  /** Numbers between the two products. */
  readonly rank: number;
  /** Factor of what is added: `alpha / rank`, or `alpha / sqrt(rank)` (arXiv 2312.03732). */
  readonly scale: number;
  /** The first output that it adds to. Default 0. */
  readonly start?: number;
  /** The output before which it ends. Default `outWidth`. */
  readonly end?: number;
  /** Probability with which an input is left out, in passes with a key. Default 0. */
  readonly dropout?: number;
}

/** A starts as `torch.nn.Linear` does, which is what PEFT draws it from: evenly in ±1/sqrt(inWidth). */
const initialA = kaimingUniform({ gain: Math.sqrt(1 / 3) });

/**
 * What LoRA (arXiv 2106.09685) adds to a linear layer: `scale * dropout(x) Aᵀ Bᵀ`, with `a` `[rank, inWidth]` and `b`
 * `[end - start, rank]`. B starts at 0, so that nothing changes at first. It may add to a stretch of the outputs only:
 * the queries of a layer that gives queries, keys and values.
 */
export class LowRankAdapter extends Module {
  readonly a: Variable;
  readonly b: Variable;
  readonly scale: number;
  readonly #dropout: Dropout;
  /** Outputs before and behind the stretch. */
  readonly #around: readonly [before: number, after: number];

  /** @param random - of the first values of A; they are 0 when it is absent, for adapters that are loaded next */
  constructor(device: Device, config: LowRankAdapterConfig, random?: HostRandom) {
    super();
    const { inWidth, outWidth, rank, scale, start = 0, end = outWidth, dropout = 0 } = config;
    checkCount('LowRankAdapter', 'rank', rank);
    checkCount('LowRankAdapter', 'start', start, 0);
    if (!Number.isSafeInteger(end) || end <= start || end > outWidth) {
      throw new ConfigError(
        `LowRankAdapter: end must be a whole number from ${start + 1} to ${outWidth}, got ${end}.`,
      );
    }
    this.scale = scale;
    this.#dropout = new Dropout(dropout);
    this.#around = [start, outWidth - end];
    this.a = parameter(device, { name: 'a', shape: [rank, inWidth], init: initialA }, random);
    this.b = parameter(device, { name: 'b', shape: [end - start, rank], init: zeros }, random);
  }

  /**
   * What is added to the result of the layer: `[..., inWidth]` to `[..., outWidth]`, 0 outside of the stretch.
   *
   * @param precision - of both products, as in `Linear`
   * @param dropoutKey - u32 `[2]`; no dropout when it is absent
   */
  forward(input: Tensor, precision: Precision, dropoutKey?: Tensor): Tensor {
    const read = inPrecision(this.#dropout.forward(input, dropoutKey), precision);
    const [a, b] = [inPrecision(this.a, precision), inPrecision(this.b, precision)];
    const low = inPrecision(read.matmul(a, { transposeB: true }), precision);
    return this.#placed(low.matmul(b, { transposeB: true }).mul(this.scale), -1);
  }

  /** What merging adds to the weight of the layer: `scale * B A`, `[outWidth, inWidth]`. */
  weightDelta(): Tensor {
    return this.#placed(this.b.matmul(this.a).mul(this.scale), 0);
  }

  #placed(values: Tensor, axis: number): Tensor {
    const [before, after] = this.#around;
    return before === 0 && after === 0 ? values : values.pad(axis, before, after);
  }
}
