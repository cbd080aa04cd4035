import { AdapterNotFoundError } from '../errors.js';

/** The browser's WebGPU. @throws AdapterNotFoundError where the browser has none */
export function openGpu(): GPU {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu === undefined) {
    throw new AdapterNotFoundError(
      'openDevice: this browser has no WebGPU. Use a recent Chrome, Edge, Firefox or Safari, over https or localhost.',
    );
  }
  return gpu;
}

/** An adapter of the browser. */
export const requestAdapter = (options: GPURequestAdapterOptions): Promise<GPUAdapter | null> =>
  openGpu().requestAdapter(options);

/** Waits for a promise of the GPU. */
export function waitForGpu<T>(promise: Promise<T>): Promise<T> {
  return promise;
}

/** How many further devices help to make machine code of shaders: browsers see to that themselves. */
export function helpfulDevices(_adapter: GPUAdapterInfo): number {
  return 0;
}

/** Nobody knows in a browser. */
export const hostBytesLeft: (() => number) | undefined = undefined;
