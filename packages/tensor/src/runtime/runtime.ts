import { hostBytesLeft, waitForGpu } from '#gpu';
import type { Target } from '../compile/kernel.js';
import { DeviceLostError, type ForetokenError, OutOfMemoryError, ValidationError } from '../errors.js';
import { type Helpers, useEachOnce } from './first-use.js';
import { ParameterStore } from './parameters.js';
import { type KernelParameters, PipelineStore, type Shader } from './pipelines.js';
import { BufferPool, type Storage, USAGE } from './storage.js';

/** Is told how many of so many shaders have been compiled. */
export type CompileProgress = (done: number, total: number) => void;

/** The GPU as plans see it: memory, pipelines, submission, and what went wrong. */
export class Runtime {
  readonly pool: BufferPool;
  readonly #parameters: ParameterStore;
  readonly #pipelines: PipelineStore;
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly lost: Promise<DeviceLostError>;
  #failure: ForetokenError | undefined;
  #lost: DeviceLostError | undefined;

  constructor(
    readonly gpu: GPUDevice,
    readonly target: Target,
    /** Help with shaders that the driver compiles at their first use. */
    readonly helpers: Helpers,
    /** See `OpenDeviceOptions.poison`. */
    poison = false,
  ) {
    this.#pipelines = new PipelineStore(gpu);
    // Software adapters allocate in the memory of the host.
    this.pool = new BufferPool(gpu, {
      poison,
      ...(target.software && hostBytesLeft && { bytesLeft: hostBytesLeft }),
    });
    this.#parameters = new ParameterStore(gpu);
    gpu.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      const { message } = error;
      this.#failure ??=
        error.constructor.name === 'GPUOutOfMemoryError'
          ? new OutOfMemoryError(`the GPU is out of memory. WebGPU: ${message.split('\n', 1)[0]}`)
          : new ValidationError(`WebGPU: ${message}`);
    });
    this.lost = gpu.lost.then(({ reason, message }) => {
      this.#lost ??= new DeviceLostError(`the GPU device was lost (${reason || 'unknown'}): ${message}`);
      return this.#lost;
    });
  }

  /** Throws what went wrong since the last check. */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  close(): void {
    this.#lost ??= new DeviceLostError('the device was closed.');
    this.gpu.destroy();
  }

  /** WGSL with its buffers bound, and behind them its parameters if it has any; not compiled yet. */
  prepare(
    label: string,
    code: string,
    buffers: readonly GPUBindGroupEntry[],
    parameters: KernelParameters,
  ): Shader & { readonly group: GPUBindGroup } {
    const { binding, values } = parameters;
    const shader = { label, code, bindings: buffers.map((buffer) => buffer.binding), parameters };
    const layout = this.#pipelines.layout(shader);
    const entries =
      values.length === 0 ? [...buffers] : [...buffers, { binding, resource: this.#parameters.of(values) }];
    return { ...shader, group: this.gpu.createBindGroup({ label, layout, entries }) };
  }

  /** The pipeline of a shader, compiled now if it has not been. */
  pipeline(shader: Shader): GPUComputePipeline {
    return this.#pipelines.get(shader);
  }

  /** Compiles shaders side by side, each once, without keeping the thread waiting. */
  async compile(shaders: readonly Shader[], onProgress: CompileProgress = () => {}): Promise<void> {
    const missing = this.#pipelines.missing(shaders);
    if (missing.length === 0) return;
    let done = 0;
    const tell = (): void => onProgress(done++, missing.length);
    // Where the machine code is made at the first use, that is what takes the time.
    const isUsed = this.helpers.count > 0 && missing.length > 1;
    tell();
    await waitForGpu(
      Promise.all(missing.map((shader) => this.#pipelines.make(shader).then(isUsed ? () => {} : tell))),
    );
    this.check();
    if (!isUsed) return;
    await waitForGpu(useEachOnce(this.#pipelines, this.#parameters, missing, this.helpers, undefined, tell));
    this.check();
  }

  submit(commands: GPUCommandBuffer): void {
    if (this.#lost !== undefined) throw this.#lost;
    this.gpu.queue.submit([commands]);
  }

  /** Waits until all submitted work is done. */
  async finish(): Promise<void> {
    if (this.#lost === undefined) await waitForGpu(this.gpu.queue.onSubmittedWorkDone());
    this.check();
  }

  /** Copies a storage to the host. */
  async download(storage: Storage, bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
    const staging =
      this.#staging.get(size)?.pop() ??
      this.gpu.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyTarget });
    const encoder = this.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(storage.use(), storage.offset, staging, 0, bytes);
    this.submit(encoder.finish());
    try {
      await waitForGpu(staging.mapAsync(1, 0, bytes));
    } catch (cause) {
      this.check();
      throw new DeviceLostError('the GPU could not be read back.', { cause });
    }
    this.check();
    const values = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    const free = this.#staging.get(size) ?? [];
    if (free.length < 8 && size <= 1 << 24) {
      free.push(staging);
      this.#staging.set(size, free);
    } else {
      staging.destroy();
    }
    return values;
  }
}
