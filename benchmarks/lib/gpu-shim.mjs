// Gives libraries that are made for browsers a `navigator.gpu`: Dawn, as the npm package `webgpu` brings it.
import { create, globals } from 'webgpu';

const flag = new Int32Array(new SharedArrayBuffer(4));
const LONGEST_NAP_MS = 1;

/**
 * Waits for a promise of the GPU with the thread asleep between turns of the event loop. Dawn's bindings poll in every
 * turn while a promise of theirs is pending, which keeps one core busy that a software adapter could use. The same
 * loop as in Foretoken's own runtime.
 */
async function park(promise) {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let nap = 0.02; !settled; nap = Math.min(2 * nap, LONGEST_NAP_MS)) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled) Atomics.wait(flag, 0, 0, nap);
  }
  return promise;
}

function parkMethod(prototype, method) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    return park(original.apply(this, args));
  };
}

/** Counts the bytes of all buffers that exist, and their peak, staging buffers included. */
function countBytes() {
  const report = { liveBytes: 0, peakBytes: 0 };
  const sizes = new WeakMap();
  const { createBuffer } = globals.GPUDevice.prototype;
  const { destroy } = globals.GPUBuffer.prototype;
  globals.GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    report.liveBytes += descriptor.size;
    report.peakBytes = Math.max(report.peakBytes, report.liveBytes);
    return buffer;
  };
  globals.GPUBuffer.prototype.destroy = function () {
    report.liveBytes -= sizes.get(this) ?? 0;
    sizes.delete(this);
    return destroy.call(this);
  };
  return report;
}

/** The adapter, whose devices get every limit and every feature that it has, whatever the library asks for. */
function generous(adapter) {
  const requestDevice = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = () => {
    const requiredLimits = {};
    for (const name in adapter.limits) {
      if (typeof adapter.limits[name] === 'number') requiredLimits[name] = adapter.limits[name];
    }
    return requestDevice({ requiredLimits, requiredFeatures: [...adapter.features] });
  };
  return adapter;
}

/**
 * Sets `navigator.gpu` and WebGPU's globals; to be called before the library is imported.
 *
 * @param parked - let the JavaScript thread sleep while the adapter works
 */
export async function installGpu({ parked }) {
  const gpu = create([]);
  const memory = countBytes();
  if (parked) {
    parkMethod(globals.GPUBuffer.prototype, 'mapAsync');
    parkMethod(globals.GPUQueue.prototype, 'onSubmittedWorkDone');
    parkMethod(globals.GPUDevice.prototype, 'createComputePipelineAsync');
    parkMethod(globals.GPUDevice.prototype, 'popErrorScope');
  }
  Object.assign(globalThis, globals);
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (request) => {
    const adapter = await requestAdapter(request);
    return adapter === null ? null : generous(adapter);
  };
  const navigator = { gpu, userAgent: 'Node.js', hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error('No WebGPU adapter on this machine.');
  return { adapter: adapter.info.description || adapter.info.device, memory };
}
