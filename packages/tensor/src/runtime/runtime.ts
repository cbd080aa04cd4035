import { waitForGpu } from '#gpu';
import type { Target } from '../compile/kernel.js';
import { DeviceLostError, type ForetokenError, OutOfMemoryError, ValidationError } from '../errors.js';
import { ParameterStore } from './parameters.js';
import { BufferPool, type Storage, USAGE } from './storage.js';

/** WGSL and what it binds. */
export interface Shader {
  readonly label: string;
  readonly code: string;
  readonly layout: GPUBindGroupLayout;
}

/** Numbers that a kernel reads, and where it binds them. */
export interface KernelParameters {
  readonly binding: number;
  readonly values: readonly number[];
}

/** The GPU as plans see it: memory, pipelines, submission, and what went wrong. */
export class Runtime {
  readonly pool: BufferPool;
  readonly #parameters: ParameterStore;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly lost: Promise<DeviceLostError>;
  #failure: ForetokenError | undefined;
  #lost: DeviceLostError | undefined;

  constructor(
    readonly gpu: GPUDevice,
    readonly target: Target,
  ) {
    this.pool = new BufferPool(gpu);
    this.#parameters = new ParameterStore(gpu);
    gpu.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      const kind = error.constructor.name === 'GPUOutOfMemoryError' ? OutOfMemoryError : ValidationError;
      this.#failure ??= new kind(`WebGPU: ${error.message}`);
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

  #layout(bindings: readonly number[], parameters: number | undefined): GPUBindGroupLayout {
    const key = `${bindings.join()}|${parameters}`;
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      // SHADER_STAGE.COMPUTE is 4. One buffer may serve several bindings, so all must be writable or none.
      const entry = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
        binding,
        visibility: 4,
        buffer: { type },
      });
      const entries = [
        ...bindings.map((binding) => entry(binding, 'storage')),
        ...(parameters === undefined ? [] : [entry(parameters, 'uniform')]),
      ];
      layout = this.gpu.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /** WGSL with its buffers bound, and behind them its parameters if it has any; not compiled yet. */
  prepare(
    label: string,
    code: string,
    buffers: readonly GPUBindGroupEntry[],
    parameters: KernelParameters,
  ): Shader & { readonly group: GPUBindGroup } {
    const behind = parameters.values.length === 0 ? undefined : parameters.binding;
    const layout = this.#layout(
      buffers.map(({ binding }) => binding),
      behind,
    );
    const entries =
      behind === undefined
        ? [...buffers]
        : [...buffers, { binding: behind, resource: this.#parameters.of(parameters.values) }];
    return { label, code, layout, group: this.gpu.createBindGroup({ label, layout, entries }) };
  }

  /** The pipeline of a shader, compiled now if it has not been. */
  pipeline(shader: Shader): GPUComputePipeline {
    let pipeline = this.#pipelines.get(shader.code);
    if (pipeline === undefined) {
      pipeline = this.gpu.createComputePipeline(this.#describe(shader));
      this.#pipelines.set(shader.code, pipeline);
    }
    return pipeline;
  }

  /** Compiles shaders side by side, each once, without keeping the thread waiting. */
  async compile(shaders: readonly Shader[]): Promise<void> {
    const missing = new Map(shaders.map((shader) => [shader.code, shader]));
    for (const code of this.#pipelines.keys()) missing.delete(code);
    const made = Promise.all(
      [...missing.values()].map(async (shader) => {
        this.#pipelines.set(shader.code, await this.gpu.createComputePipelineAsync(this.#describe(shader)));
      }),
    );
    await waitForGpu(made);
    this.check();
  }

  #describe({ label, code, layout }: Shader): GPUComputePipelineDescriptor {
    const module = this.gpu.createShaderModule({ label, code });
    return {
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    };
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
