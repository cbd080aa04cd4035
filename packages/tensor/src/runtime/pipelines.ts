/** WGSL and what it binds. */
export interface Shader {
  readonly label: string;
  readonly code: string;
  /** The numbers at which it binds buffers. */
  readonly bindings: readonly number[];
  readonly parameters: KernelParameters;
}

/** Numbers that a kernel reads, and where it binds them; nothing is bound where there are none. */
export interface KernelParameters {
  readonly binding: number;
  readonly values: readonly number[];
}

/** `GPUShaderStage.COMPUTE`, which every implementation has the same. */
const COMPUTE_STAGE = 4;

/** The pipelines of a device, each made once. */
export class PipelineStore {
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(readonly gpu: GPUDevice) {}

  layout({ bindings, parameters }: Shader): GPUBindGroupLayout {
    const behind = parameters.values.length === 0 ? undefined : parameters.binding;
    const key = `${bindings.join()}|${behind}`;
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      // One buffer may serve several bindings, so all must be writable or none.
      const entry = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type },
      });
      const entries = [
        ...bindings.map((binding) => entry(binding, 'storage')),
        ...(behind === undefined ? [] : [entry(behind, 'uniform')]),
      ];
      layout = this.gpu.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /** Those of the shaders that have no pipeline yet, each once. */
  missing(shaders: readonly Shader[]): readonly Shader[] {
    const missing = new Map(shaders.map((shader) => [shader.code, shader]));
    for (const code of this.#pipelines.keys()) missing.delete(code);
    return [...missing.values()];
  }

  /** The pipeline of a shader, made now if there is none. */
  get(shader: Shader): GPUComputePipeline {
    let pipeline = this.#pipelines.get(shader.code);
    if (pipeline === undefined) {
      pipeline = this.gpu.createComputePipeline(this.#describe(shader));
      this.#pipelines.set(shader.code, pipeline);
    }
    return pipeline;
  }

  /** Makes the pipeline of a shader, if there is none, without keeping the thread waiting. */
  async make(shader: Shader): Promise<void> {
    if (this.#pipelines.has(shader.code)) return;
    this.#pipelines.set(shader.code, await this.gpu.createComputePipelineAsync(this.#describe(shader)));
  }

  #describe(shader: Shader): GPUComputePipelineDescriptor {
    const { label, code } = shader;
    const module = this.gpu.createShaderModule({ label, code });
    return {
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [this.layout(shader)] }),
      compute: { module, entryPoint: 'main' },
    };
  }
}
