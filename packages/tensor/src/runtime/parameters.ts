import { alignUp, USAGE } from './storage.js';

const SLAB_BYTES = 16384;

/** Small uniform buffers with the sizes that kernels read, each list of numbers stored once. */
export class ParameterStore {
  readonly #known = new Map<string, GPUBufferBinding>();
  readonly #alignment: number;
  #slab: GPUBuffer | undefined;
  #used = 0;

  constructor(readonly gpu: GPUDevice) {
    this.#alignment = gpu.limits.minUniformBufferOffsetAlignment;
  }

  /** Where these numbers lie, padded to whole vectors of four. */
  of(values: readonly number[]): GPUBufferBinding {
    const key = values.join();
    let binding = this.#known.get(key);
    if (binding === undefined) {
      binding = this.#store(values);
      this.#known.set(key, binding);
    }
    return binding;
  }

  #store(values: readonly number[]): GPUBufferBinding {
    const size = Math.ceil(values.length / 4) * 16;
    if (this.#slab === undefined || this.#used + size > SLAB_BYTES) {
      this.#slab = this.gpu.createBuffer({
        size: Math.max(SLAB_BYTES, size),
        usage: USAGE.uniform | USAGE.copyTarget,
      });
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += alignUp(size, this.#alignment);
    const words = new Uint32Array(size / 4);
    words.set(values);
    this.gpu.queue.writeBuffer(this.#slab, offset, words);
    return { buffer: this.#slab, offset, size };
  }
}
