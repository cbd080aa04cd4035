import { ParameterStore } from './parameters.js';
import { PipelineStore, type Shader } from './pipelines.js';
import { USAGE } from './storage.js';

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

const BYTES_OF_A_BINDING = 256;

/**
 * Dispatches shaders once each, on memory that nobody needs, together with helpers that are closed afterwards.
 *
 * Some drivers make machine code of a shader not when its pipeline is created but when it is dispatched first, one after
 * the other on the thread of the device's queue, and keep it in a cache that all devices share. There several
 * devices with a part of the shaders each are as many times faster, and each finds what another has compiled.
 *
 * @param own has the pipelines of all these shaders already
 * @param onUsed - called for each shader that is done
 */
export async function useEachOnce(
  own: PipelineStore,
  ownParameters: ParameterStore,
  shaders: readonly Shader[],
  helpers: Helpers,
  patience = PATIENCE,
  onUsed: () => void = () => {},
): Promise<void> {
  // Long ones first, so that no device is left with one at the end.
  const waiting = shaders.toSorted((a, b) => b.code.length - a.code.length);
  const work = async (store: PipelineStore): Promise<void> => {
    const parameters = store === own ? ownParameters : new ParameterStore(store.gpu);
    for (let shader = waiting.shift(); shader !== undefined; shader = waiting.shift()) {
      await store.make(shader);
      await useOnce(store, parameters, shader);
      onUsed();
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

/** Runs one workgroup of a shader on zeros, and waits for it. */
async function useOnce(store: PipelineStore, parameters: ParameterStore, shader: Shader): Promise<void> {
  const { gpu } = store;
  const { bindings } = shader;
  // No two bindings may share what is written; what is read or written behind the end is harmless in WGSL.
  const size = Math.max(gpu.limits.minStorageBufferOffsetAlignment, BYTES_OF_A_BINDING);
  const zeros = gpu.createBuffer({ size: size * Math.max(1, bindings.length), usage: USAGE.storage });
  const entries: GPUBindGroupEntry[] = bindings.map((binding, at) => ({
    binding,
    resource: { buffer: zeros, offset: at * size, size },
  }));
  const { binding, values } = shader.parameters;
  // The true sizes: loops count by them.
  if (values.length > 0) entries.push({ binding, resource: parameters.of(values) });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(store.get(shader));
  pass.setBindGroup(0, gpu.createBindGroup({ layout: store.layout(shader), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  await gpu.queue.onSubmittedWorkDone();
  zeros.destroy();
}
