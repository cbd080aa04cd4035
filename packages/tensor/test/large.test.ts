// Tensors that are larger than a binding may be, on a device that is told that its bindings are small.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { throughWindows } from '../src/compile/windows.js';
import {
  crossEntropy,
  type Device,
  embedding,
  grad,
  HostRandom,
  linearCrossEntropy,
  OutOfMemoryError,
  openDevice,
  sumOfSquares,
  type Tensor,
  type Variable,
} from '../src/index.js';
import { closeClaimed, deviceThatClaims, matmulVariants } from './support/claims.js';
import { drawVariable, worstDifference } from './support/draw.js';

/** Bytes of the largest binding that is claimed. */
const SMALL = 16384;

let plain: Device;
let small: Device;
beforeAll(async () => {
  plain = await openDevice();
  const claims = await matmulVariants();
  const own = claims.find(({ name }) => name === 'subgroups') ?? claims[0];
  small = await deviceThatClaims({ ...(own?.claim ?? { description: 'llvmpipe' }), maxBindingBytes: SMALL });
});
afterAll(() => {
  plain.close();
  closeClaimed();
});

/** What `body` gives on the device with small bindings is what it gives on the other. */
async function expectEqual(
  body: (device: Device) => readonly Tensor[],
  tolerance = 1e-6,
): Promise<readonly Tensor[]> {
  const [actual, expected] = [body(small), body(plain)];
  small.realize(...actual);
  plain.realize(...expected);
  for (const [at, tensor] of actual.entries()) {
    const difference = worstDifference(await tensor.data(), await (expected[at] as Tensor).data());
    expect(difference, `result ${at}`).toBeLessThanOrEqual(tolerance);
  }
  return actual;
}

const ids = (device: Device, count: number, below: number): Tensor => {
  const random = new HostRandom(7);
  return device.tensor(Int32Array.from({ length: count }, () => random.integer(below)));
};

describe('tensors larger than a binding', () => {
  it('go through elementwise work, in place and fused with scalars', async () => {
    const results = await expectEqual((device) => {
      const [a, b] = [drawVariable(device, [130, 100], 1), drawVariable(device, [130, 100], 2)];
      const rate = device.tensor(Float32Array.of(0.5), { shape: [] });
      return [a.mul(b).add(rate), a.exp().sub(b), a.cast('i32').add(1)];
    }, 0);
    expect((results[0] as Tensor).size * 4).toBeGreaterThan(3 * SMALL);
  });

  it('are looked up in, sliced, joined, permuted and reduced', async () => {
    await expectEqual((device) => {
      const table = drawVariable(device, [200, 64], 1);
      return [
        embedding(table, ids(device, 50, 200)),
        table.slice(0, 90, 150),
        table.permute([1, 0]),
        table.sum(0),
        table.sum(1),
        table.sum(),
        sumOfSquares([table, drawVariable(device, [10], 2)]),
      ];
    }, 1e-4);
  });

  it('are factors and results of products', async () => {
    await expectEqual((device) => {
      const a = drawVariable(device, [50, 96], 1);
      const b = drawVariable(device, [96, 60], 2);
      const c = drawVariable(device, [120, 96], 3);
      return [a.matmul(b), a.matmul(c, { transposeB: true }), a.matmul(a, { transposeA: true })];
    }, 1e-5);
  });

  it('have gradients', async () => {
    await expectEqual((device) => {
      const table = drawVariable(device, [300, 32], 1);
      const hidden = drawVariable(device, [24, 32], 2);
      const targets = ids(device, 24, 300);
      const looked = embedding(table, ids(device, 24, 300));
      const chunked = linearCrossEntropy(hidden.add(looked), table, targets, { chunkSize: 64 });
      const whole = crossEntropy(hidden.matmul(table, { transposeB: true }), targets);
      return [chunked, whole, ...grad(chunked, [table, hidden]), ...grad(whole, [table, hidden])];
    }, 1e-5);
  });

  it('are updated by one rule, alone and beside small ones', async () => {
    const train = async (device: Device): Promise<readonly (readonly number[])[]> => {
      const variables = [[200, 64], [64], [90, 80]].map((shape, at) => drawVariable(device, shape, at));
      const moments = variables.map(({ shape }) => device.variable(device.zeros(shape)));
      device.pack(variables);
      device.pack(moments);
      const step = device.compile(({ rate }: { rate: Tensor }) => {
        const slopes = grad(sumOfSquares(variables), variables);
        variables.forEach((variable, at) => {
          const moment = moments[at] as Variable;
          const mean = moment.mul(0.9).add((slopes[at] as Tensor).mul(0.1));
          variable.assign(variable.sub(mean.mul(rate)));
          moment.assign(mean);
        });
      });
      const rate = { data: Float32Array.of(0.25), shape: [] };
      for (let update = 0; update < 3; update++) step.run({ rate });
      return Promise.all(
        [...variables, ...moments].map(async (each) => Array.from(await each.data(), Number)),
      );
    };
    const [actual, expected] = [await train(small), await train(plain)];
    expect(actual).toEqual(expected);
  });

  it('are refused where a kernel would take more bindings than there are', async () => {
    const table = drawVariable(small, [2000, 64], 1);
    expect(() => small.realize(embedding(table, ids(small, 5, 2000)))).toThrow(OutOfMemoryError);
  });
});

describe('throughWindows', () => {
  const code = `@group(0) @binding(0) var<storage, read_write> buffer0: array<f32>;
@group(0) @binding(1) var<storage, read_write> buffer1: array<u32>;
fn main() {
  let a = buffer0[buffer1[3u] + buffer0[2u]][0] == buffer0[1u];
  buffer0[buffer1[0u]] = buffer0[4u] + 1.0;
  if (buffer10[0u] == 1u) { buffer0[7u] = 2.0; }
}`;

  it('replaces loads and stores, also inside each other, and nothing else', () => {
    const windowed = throughWindows(code, { binding: 0, others: [5, 6], length: 100 });
    expect(windowed).toContain(
      'let a = load_buffer0(buffer1[3u] + load_buffer0(2u))[0] == load_buffer0(1u);',
    );
    expect(windowed).toContain('store_buffer0(buffer1[0u], load_buffer0(4u) + 1.0);');
    expect(windowed).toContain('if (buffer10[0u] == 1u) { store_buffer0(7u, 2.0); }');
    expect(windowed).toContain('@group(0) @binding(6) var<storage, read_write> buffer0_2: array<f32>;');
    expect(windowed).toContain('case 2u: { return buffer0_2[at - 200u]; }');
  });
});
