import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Device, openDevice, type Tensor } from '../src/index.js';
import { mesaKeepsShaders } from '../src/runtime/driver-cache.node.js';
import { type Helpers, NO_HELPERS, useEachOnce } from '../src/runtime/first-use.js';
import { openGpu, waitForGpu } from '../src/runtime/gpu.node.js';
import { ParameterStore } from '../src/runtime/parameters.js';
import { PipelineStore, type Shader } from '../src/runtime/pipelines.js';

/** Doubles its buffer; differs from the others by a number in its text. */
const shader = (number: number): Shader => ({
  label: `shader ${number}`,
  code: `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@group(0) @binding(1) var<uniform> sizes: array<vec4<u32>, 1>;
@compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var at = id.x; at < 1000; at += sizes[0].x) { values[at] = 2 * values[at] + ${number}; }
}`,
  bindings: [0],
  parameters: { binding: 1, values: [16] },
});
const shaders = Array.from({ length: 6 }, (_, number) => shader(number));

async function anotherDevice(): Promise<GPUDevice> {
  const adapter = await openGpu().requestAdapter();
  if (adapter === null) throw new Error('no adapter');
  return adapter.requestDevice();
}

/** Counts what it submits, and how often it is destroyed; its work takes some milliseconds more. */
function watch(gpu: GPUDevice, more = 0): { submitted: number; destroyed: number } {
  const seen = { submitted: 0, destroyed: 0 };
  const submit = gpu.queue.submit.bind(gpu.queue);
  const destroy = gpu.destroy.bind(gpu);
  const queue = new Proxy(gpu.queue, {
    get: (target, name) => {
      if (name === 'submit')
        return (commands: GPUCommandBuffer[]) => {
          seen.submitted += commands.length;
          submit(commands);
        };
      if (name === 'onSubmittedWorkDone')
        return async () => {
          await target.onSubmittedWorkDone();
          if (more > 0) await new Promise((resolve) => setTimeout(resolve, more));
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  Object.defineProperty(gpu, 'queue', { value: queue });
  Object.defineProperty(gpu, 'destroy', {
    value: () => {
      seen.destroyed++;
      destroy();
    },
  });
  return seen;
}

describe('shaders that are used once before they are needed', () => {
  let own: GPUDevice;
  let errors: string[] = [];
  beforeAll(async () => {
    own = await anotherDevice();
    own.addEventListener('uncapturederror', (event) => {
      errors.push((event as GPUUncapturedErrorEvent).error.message);
    });
  });
  afterAll(() => own.destroy());

  it('are shared out: each is dispatched by one device, and helpers are closed', async () => {
    errors = [];
    const seen = [watch(own, 100)];
    const helpers: Helpers = {
      count: 2,
      open: async () => {
        const gpu = await anotherDevice();
        seen.push(watch(gpu));
        return gpu;
      },
    };
    await waitForGpu(useEachOnce(new PipelineStore(own), new ParameterStore(own), shaders, helpers, 0));
    expect(seen.reduce((sum, { submitted }) => sum + submitted, 0)).toBe(shaders.length);
    expect(seen[0]?.submitted).toBeLessThan(shaders.length);
    expect(seen[0]?.destroyed).toBe(0);
    expect(seen.slice(1).map(({ destroyed }) => destroyed)).toEqual(seen.slice(1).map(() => 1));
    expect(errors).toEqual([]);
  });

  it('need no help where the driver is quick', async () => {
    const helpers: Helpers = { count: 2, open: () => Promise.reject(new Error('called for help')) };
    let called = false;
    const open = (): Promise<GPUDevice> => {
      called = true;
      return helpers.open();
    };
    await waitForGpu(
      useEachOnce(new PipelineStore(own), new ParameterStore(own), shaders, { ...helpers, open }, 60_000),
    );
    expect(called).toBe(false);
  });

  it('are all used by their own device where no other can be had', async () => {
    const gpu = await anotherDevice();
    onTestFinished(() => gpu.destroy());
    const seen = watch(gpu);
    await waitForGpu(
      useEachOnce(new PipelineStore(gpu), new ParameterStore(gpu), shaders, { ...NO_HELPERS, count: 3 }, 0),
    );
    expect(seen.submitted).toBe(shaders.length);
  });
});

describe('a device with helpers', () => {
  it('computes as one without', async () => {
    let opened = 0;
    const results: Float32Array[] = [];
    for (const count of [0, 2]) {
      const device: Device = await openDevice({ tuning: { budgetMilliseconds: 0 } });
      onTestFinished(() => device.close());
      const { open } = device.runtime.helpers;
      Object.assign(device.runtime, {
        helpers: {
          count,
          open: () => {
            opened++;
            return open();
          },
        },
      });
      const weights = device.variable(
        Float32Array.from({ length: 64 }, (_, at) => at / 64),
        {
          shape: [8, 8],
        },
      );
      const step = device.compile(({ x }: { x: Tensor }) => {
        const loss = x.matmul(weights).softmax().square().mean();
        weights.assign(weights.sub(loss));
        return { loss };
      });
      const input = { x: { data: Float32Array.from({ length: 32 }, Math.cos), shape: [4, 8] } };
      await step.warmUp(input);
      step.run(input);
      results.push((await weights.data()) as Float32Array);
    }
    expect(results[1]).toEqual(results[0]);
    expect(opened).toBeLessThanOrEqual(2);
  });
});

describe('the cache of Mesa', () => {
  const folder = mkdtempSync(join(tmpdir(), 'first-use-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file');
  writeFileSync(file, '');

  it.each([
    ['a folder that is there', { MESA_SHADER_CACHE_DIR: folder }, true],
    ['a folder that it would make', { MESA_SHADER_CACHE_DIR: join(folder, 'new') }, true],
    ['a folder that it could not make', { MESA_SHADER_CACHE_DIR: join(folder, 'no', 'new') }, false],
    ['a file in its place', { XDG_CACHE_HOME: join(file, 'cache') }, false],
    ['a home', { HOME: folder }, true],
    ['turned off', { MESA_SHADER_CACHE_DIR: folder, MESA_SHADER_CACHE_DISABLE: 'true' }, false],
    ['turned off by its old name', { HOME: folder, MESA_GLSL_CACHE_DISABLE: '1' }, false],
    ['not turned off', { HOME: folder, MESA_SHADER_CACHE_DISABLE: 'false' }, true],
  ])('%s', (_, environment, kept) => {
    expect(mesaKeepsShaders(environment)).toBe(kept);
  });
});
