import { type Device, foldIn, type HostRandom, type Tensor, type Variable } from '@foretoken/tensor';
import { ConfigError, checkCount } from './errors.js';
import { type Initializer, uniform } from './initializers.js';
import { LowRankAdapter, type LowRankAdapterConfig } from './low-rank-adapter.js';
import { Module } from './module.js';
import { parameter } from './parameter.js';
import { inPrecision, type Precision } from './precision.js';

export interface LinearConfig {
  readonly inWidth: number;
  readonly outWidth: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default as torch.nn.Linear: evenly in ±1/sqrt(inWidth). */
  readonly weightInit?: Initializer | undefined;
  /** Default as `weightInit`'s. */
  readonly biasInit?: Initializer | undefined;
  /** Of the product; bias and result are f32. Default f32. */
  readonly precision?: Precision | undefined;
}

/** An adapter of a layer, whose widths are the layer's. */
export type LinearAdapterConfig = Omit<LowRankAdapterConfig, 'inWidth' | 'outWidth'>;

/**
 * `y = x Wᵀ + b` over the last axis, with `weight` `[outWidth, inWidth]` as in PyTorch. Adapters add to the product, or
 * to the weight once they are merged. What changes this makes compiled steps trace again.
 */
export class Linear extends Module {
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly precision: Precision;
  /** By name; they are parameters of the layer too. */
  readonly adapters: ReadonlyMap<string, LowRankAdapter>;
  readonly #adapters = new Map<string, LowRankAdapter>();
  /** The weight without its adapters, while they are merged. */
  #base: Variable | undefined;

  /** @param random - of the first values; all are 0 when it is absent, for layers that are loaded next */
  constructor(device: Device, config: LinearConfig, random?: HostRandom) {
    super();
    const { inWidth, outWidth, bias = true, precision = 'f32' } = config;
    this.precision = precision;
    checkCount('Linear', 'inWidth', inWidth);
    checkCount('Linear', 'outWidth', outWidth);
    const bound = 1 / Math.sqrt(inWidth);
    const { weightInit = uniform(-bound, bound), biasInit = uniform(-bound, bound) } = config;
    this.weight = parameter(device, { name: 'weight', shape: [outWidth, inWidth], init: weightInit }, random);
    this.bias = bias
      ? parameter(device, { name: 'bias', shape: [outWidth], init: biasInit }, random)
      : undefined;
    this.adapters = this.#adapters;
  }

  /**
   * `[..., inWidth]` to `[..., outWidth]`.
   *
   * @param dropoutKey - u32 `[2]`: of the dropout of adapters; none when it is absent
   */
  forward(input: Tensor, dropoutKey?: Tensor): Tensor {
    const { precision } = this;
    const weight = inPrecision(this.weight, precision);
    let result = inPrecision(input, precision).matmul(weight, { transposeB: true });
    if (!this.merged) {
      for (const [at, adapter] of [...this.#adapters.values()].entries())
        result = result.add(adapter.forward(input, precision, dropoutKey && foldIn(dropoutKey, at)));
    }
    return this.bias === undefined ? result : result.add(this.bias);
  }

  /** Whether the weight has its adapters in it. */
  get merged(): boolean {
    return this.#base !== undefined;
  }

  /**
   * Puts an adapter beside the weight.
   *
   * @param random - of its first values; A is 0 when it is absent, for adapters that are loaded next
   * @throws ConfigError when there is one of this name, or adapters are merged
   */
  addAdapter(name: string, config: LinearAdapterConfig, random?: HostRandom): LowRankAdapter {
    if (this.#adapters.has(name))
      throw new ConfigError(`Linear: there is an adapter called ${name} already.`);
    if (this.merged)
      throw new ConfigError(
        `Linear: adapter ${name} cannot join adapters that are merged; unmerge them first.`,
      );
    const [outWidth, inWidth] = this.weight.shape as [number, number];
    const adapter = new LowRankAdapter(this.weight.device, { ...config, inWidth, outWidth }, random);
    this.#adapters.set(name, adapter);
    this.#outdateTraces();
    return adapter;
  }

  /** Adds the adapters to the weight, of which a copy is kept: passes then cost what they did without adapters. */
  merge(): void {
    if (this.merged || this.#adapters.size === 0) return;
    const { device } = this.weight;
    const base = device.variable(this.weight, { name: 'weight.base', trainable: false });
    this.#assignMerged();
    this.#base = base;
    this.#outdateTraces();
  }

  /** Takes the adapters out of the weight, which has the bits again that it had before `merge`. */
  unmerge(): void {
    if (this.#base === undefined) return;
    this.weight.assign(this.#base);
    this.#forgetBase();
    this.#outdateTraces();
  }

  /**
   * Frees the adapters.
   *
   * @param keep - leaves what they add in the weight, for good
   */
  removeAdapters({ keep }: { readonly keep: boolean }): void {
    if (!keep) this.unmerge();
    else if (!this.merged) this.#assignMerged();
    this.#forgetBase();
    for (const adapter of this.#adapters.values()) adapter.dispose();
    this.#adapters.clear();
    this.#outdateTraces();
  }

  override dispose(): void {
    this.#base?.dispose();
    super.dispose();
  }

  #assignMerged(): void {
    const deltas = [...this.#adapters.values()].map((adapter) => adapter.weightDelta());
    this.weight.assign(deltas.reduce<Tensor>((sum, delta) => sum.add(delta), this.weight));
    this.weight.device.realize();
  }

  #forgetBase(): void {
    this.weight.device.realize();
    this.#base?.dispose();
    this.#base = undefined;
  }

  /** Compiled steps that read the weight did so in a graph that holds no longer; they follow where memory moves. */
  #outdateTraces(): void {
    this.weight.device.pack([this.weight]);
  }
}
