import { PipelineStore, type Shader } from './pipelines.js';
import { alignUp, USAGE } from './storage.js';

/** More devices of an adapter, for a while. */
export interface Helpers {
  /** How many are of use. */
  readonly count: number;
  /** @throws whatever there is to throw when the adapter gives no further device */
  open(): Promise<GPUDevice>;
}

/** Where the driver compiles when a pipeline is made, or keeps nothing. */
export const NO_HELPERS: Helpers = { count: 0, open: () => Promise.reject(new Error('there is no help.')) };

/**
 * Milliseconds after which help is called for. A driver that finds its machine code in the cache is done with dozens of
 * shaders before that; one large shader takes several times as long to compile.
 */
const PATIENCE = 50;

/**
 * Dispatches shaders once each, on memory that nobody needs, together with helpers that are closed afterwards.
 *
 * Some drivers make machine code of a shader not when its pipeline is created but when it is dispatched first, one after
 * the other on the thread of the device's queue, and keep it in a cache that all devices share. There several
 * devices with a part of the shaders each are as many times faster, and each finds what another has compiled.
 *
 * @param own has the pipelines of all these shaders already
 */
export async function useEachOnce(
  own: PipelineStore,
  shaders: readonly Shader[],
  helpers: Helpers,
  patience = PATIENCE,
): Promise<void> {
  // Long ones first, so that no device is left with one at the end.
  const waiting = shaders.toSorted((a, b) => b.code.length - a.code.length);
  const work = async (store: PipelineStore): Promise<void> => {
    const scratch = new Scratch(store.gpu);
    try {
      for (let shader = waiting.shift(); shader !== undefined; shader = waiting.shift()) {
        if (store.missing([shader]).length > 0) await store.make(shader);
        await scratch.dispatch(store, shader);
      }
    } finally {
      scratch.destroy();
    }
  };
  const help = async (): Promise<void> => {
    let gpu: GPUDevice | undefined;
    try {
      gpu = await helpers.open();
      await work(new PipelineStore(gpu));
    } catch {
      // What it would have done is done when it is needed.
    } finally {
      gpu?.destroy();
    }
  };
  const done = work(own);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), patience);
  });
  try {
    if ((await Promise.race([done, late])) === 'late') {
      await Promise.all(Array.from({ length: Math.min(helpers.count, waiting.length) }, help));
    }
    await done;
  } finally {
    clearTimeout(timer);
  }
}

/** Memory to dispatch shaders on whose results nobody reads. */
class Scratch {
  readonly #buffers: GPUBuffer[] = [];

  constructor(readonly gpu: GPUDevice) {}

  /** Runs one workgroup, and waits for it. */
  async dispatch(store: PipelineStore, shader: Shader): Promise<void> {
    const { gpu } = this;
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(store.get(shader));
    pass.setBindGroup(0, gpu.createBindGroup({ layout: store.layout(shader), entries: this.#bind(shader) }));
    // Reads and writes behind the end of a buffer are harmless in WGSL.
    pass.dispatchWorkgroups(1);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
  }

  #bind({ bindings, parameters: { binding: behind, values } }: Shader): GPUBindGroupEntry[] {
    const step = Math.max(this.gpu.limits.minStorageBufferOffsetAlignment, 256);
    // No two bindings may share what is written.
    const zeros = this.#buffer(step * Math.max(1, bindings.length), USAGE.storage);
    const entries: GPUBindGroupEntry[] = bindings.map((binding, at) => ({
      binding,
      resource: { buffer: zeros, offset: at * step, size: step },
    }));
    if (values.length > 0) {
      // The true sizes: loops count by them.
      const words = new Uint32Array(alignUp(values.length, 4));
      words.set(values);
      const buffer = this.#buffer(words.byteLength, USAGE.uniform | USAGE.copyTarget);
      this.gpu.queue.writeBuffer(buffer, 0, words);
      entries.push({ binding: behind, resource: { buffer } });
    }
    return entries;
  }

  #buffer(size: number, usage: number): GPUBuffer {
    const buffer = this.gpu.createBuffer({ size, usage });
    this.#buffers.push(buffer);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
