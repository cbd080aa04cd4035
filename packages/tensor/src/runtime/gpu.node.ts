import { availableParallelism, freemem } from 'node:os';
import { create } from 'webgpu';
import { mesaKeepsShaders } from './driver-cache.node.js';
import { heedingNotes } from './driver-notes.node.js';

let gpu: GPU | undefined;

/** Dawn's WebGPU, one instance a process. */
export function openGpu(): GPU {
  // Without this the profiler's timestamps come in steps of 65.5 microseconds.
  gpu ??= create(['disable-dawn-features=timestamp_quantization']) as GPU;
  return gpu;
}

let isKnown = false;

/** An adapter. Dawn looks for the machine's adapters at the first request, within the call. */
export function requestAdapter(options: GPURequestAdapterOptions): Promise<GPUAdapter | null> {
  const request = (): Promise<GPUAdapter | null> => openGpu().requestAdapter(options);
  if (isKnown) return request();
  isKnown = true;
  return heedingNotes(request);
}

const flag = new Int32Array(new SharedArrayBuffer(4));
const LONGEST_NAP = 1;

/**
 * Waits for a promise of the GPU. Dawn's bindings poll in every turn of the event loop, which keeps one core
 * busy; sleeping between the turns leaves it to the driver. Naps grow, so that short waits stay short.
 */
export async function waitForGpu<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let nap = 0.02; !settled; nap = Math.min(2 * nap, LONGEST_NAP)) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled) Atomics.wait(flag, 0, 0, nap);
  }
  return promise;
}

/** Left to everybody else. */
const RESERVED_BYTES = 256 * 1024 * 1024;

/** Bytes of memory that the process may still take, within the limits of its container. */
export function hostBytesLeft(): number {
  // Node 20 has it from 20.13 on only.
  const { availableMemory } = process as { availableMemory?: () => number };
  return Math.max(0, (availableMemory?.() ?? freemem()) - RESERVED_BYTES);
}

/** Each needs some megabytes. */
const MOST_HELPERS = 7;

/**
 * How many further devices help to make machine code of shaders: one for each core that is left where Mesa's software
 * driver does it at first use, none elsewhere.
 */
export function helpfulDevices({ description, device }: GPUAdapterInfo): number {
  if (!/llvmpipe/i.test(`${description} ${device}`) || !mesaKeepsShaders()) return 0;
  return Math.min(availableParallelism() - 1, MOST_HELPERS);
}
