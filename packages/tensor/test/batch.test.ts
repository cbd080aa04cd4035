// Many tensors in one dispatch: variables side by side, the same assignment to each of them, the squares of all of them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  DisposedError,
  DTypeError,
  grad,
  openDevice,
  ShapeError,
  sumOfSquares,
  type Tensor,
  type Variable,
} from '../src/index.js';
import { hasF16 } from './support/claims.js';
import { drawVariable, worstDifference } from './support/draw.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SHAPES = [[64, 80], [7], [128], [3, 5], [4096], [1], [33, 4]];

const drawAll = (seed: number): Variable[] =>
  SHAPES.map((shape, at) => drawVariable(device, shape, 100 * seed + at));

describe('pack', () => {
  it('keeps values, tensors built on them, and what is assigned later', async () => {
    const variables = drawAll(1);
    const before = await Promise.all(variables.map((variable) => variable.data()));
    const built = variables.map((variable) => variable.mul(2));
    device.pack(variables);
    for (const [at, variable] of variables.entries()) {
      expect(await variable.data()).toEqual(before[at]);
      expect(await built[at]?.data()).toEqual(before[at]?.map((value) => 2 * Number(value)));
      variable.load(new Float32Array(variable.size).fill(at));
    }
    for (const [at, variable] of variables.entries()) {
      expect(await variable.data()).toEqual(new Float32Array(variable.size).fill(at));
    }
  });

  it('is followed by compiled steps that were traced before', async () => {
    const [a, b] = [drawVariable(device, [40], 1), drawVariable(device, [50], 2)];
    const step = device.compile(() => {
      a.assign(a.add(1));
      b.assign(b.mul(2));
      return { sum: a.sum().add(b.sum()) };
    });
    const first = await step.run({}).sum.item();
    device.pack([a, b]);
    const [before, doubled] = [await a.data(), await b.data()];
    const second = await step.run({}).sum.item();
    expect(await a.data()).toEqual(before.map((value) => Math.fround(Number(value) + 1)));
    expect(await b.data()).toEqual(doubled.map((value) => Number(value) * 2));
    expect(second).not.toBe(first);
  });

  it('frees the shared memory with the last of those who share it', () => {
    device.realize();
    const { liveBytes, liveBuffers } = device.memory();
    const variables = drawAll(2);
    const bytes = variables.reduce((sum, { size }) => sum + 4 * size, 0);
    device.pack(variables);
    expect(device.memory().liveBytes).toBe(liveBytes + bytes);
    for (const variable of variables.slice(1)) variable.dispose();
    expect(device.memory().liveBytes).toBe(liveBytes + 4 * (variables[0]?.size ?? 0));
    const held = device.memory();
    variables[0]?.dispose();
    const after = device.memory();
    expect([after.liveBytes, after.liveBuffers]).toEqual([liveBytes, liveBuffers]);
    // Free memory can be used again.
    expect(after.pooledBytes + after.liveBytes).toBe(held.pooledBytes + held.liveBytes);
  });

  it('leaves disposed variables disposed', () => {
    const [a, b] = [drawVariable(device, [40], 1), drawVariable(device, [50], 2)];
    device.pack([a, b]);
    a.dispose();
    expect(() => a.add(1)).toThrow(DisposedError);
    expect(() => device.realize(b.add(1))).not.toThrow();
  });
});

describe('the same assignment to many variables', () => {
  const rule = (value: Tensor, slope: Tensor, rate: Tensor): Tensor => value.mul(0.99).sub(slope.mul(rate));

  /** The rule on all variables, `runs` times; gives their values and the dispatches of a run. */
  const train = async (packed: boolean): Promise<{ values: Float32Array[]; dispatches: number }> => {
    const [variables, slopes] = [drawAll(3), drawAll(4)];
    if (packed) {
      device.pack(variables);
      device.pack(slopes);
    }
    const step = device.compile(({ rate }: { rate: Tensor }) => {
      variables.forEach((variable, at) => {
        variable.assign(rule(variable, slopes[at] as Tensor, rate));
      });
    });
    const rate = { data: Float32Array.of(0.125), shape: [] };
    step.run({ rate });
    const { dispatches } = await step.profile({ rate });
    const values = await Promise.all(variables.map(async (each) => (await each.data()) as Float32Array));
    return { values, dispatches };
  };

  it('has the bits of one kernel for each, in fewer dispatches', async () => {
    const [packed, apart] = [await train(true), await train(false)];
    expect(packed.values).toEqual(apart.values);
    expect(apart.dispatches).toBe(SHAPES.length);
    // Those of whole vectors, those that are not, and the one of a single element.
    expect(packed.dispatches).toBe(3);
    const before = await Promise.all(drawAll(3).map((each) => each.data()));
    expect(worstDifference(packed.values[0] as Float32Array, before[0] as Float32Array)).toBeGreaterThan(0);
  });

  it('adds up rows of any width by the same code', async () => {
    const widths = [64, 128, 20, 384];
    const variables = widths.map((width, at) => drawVariable(device, [width], at));
    const rows = widths.map((width, at) => drawVariable(device, [8, width], 10 + at));
    const before = await Promise.all(variables.map((each) => each.data()));
    device.pack(variables);
    device.pack(rows);
    const step = device.compile(() => {
      variables.forEach((variable, at) => {
        variable.assign(variable.sub((rows[at] as Tensor).sum(0)));
      });
    });
    step.run({});
    expect((await step.profile({})).dispatches).toBe(1);
    for (const [at, variable] of variables.entries()) {
      const [width, values] = [variable.size, await (rows[at] as Tensor).data()];
      const expected = Array.from(before[at] as Float32Array, (value, column) => {
        let sum = 0;
        for (let row = 0; row < 8; row++) sum += values[row * width + column] as number;
        return value - 2 * sum;
      });
      expect(worstDifference(await variable.data(), expected)).toBeLessThan(1e-5);
    }
  });

  it('reads no variable that another assignment has written', async () => {
    const [a, b, c] = [1, 2, 3].map((seed) => drawVariable(device, [5000], seed)) as [
      Variable,
      Variable,
      Variable,
    ];
    device.pack([a, b, c]);
    const before = await Promise.all([a, b, c].map((each) => each.data()));
    const step = device.compile(() => {
      const [nextA, nextB, nextC] = [b.add(1), c.add(1), a.add(1)];
      a.assign(nextA);
      b.assign(nextB);
      c.assign(nextC);
    });
    step.run({});
    const plusOne = (at: number) => before[at]?.map((value) => Math.fround(Number(value) + 1));
    expect(await a.data()).toEqual(plusOne(1));
    expect(await b.data()).toEqual(plusOne(2));
    expect(await c.data()).toEqual(plusOne(0));
  });

  it('copies what several variables of one buffer get, and one of them from another', async () => {
    const [a, b, c] = [1, 2, 3].map((seed) => drawVariable(device, [500], seed)) as [
      Variable,
      Variable,
      Variable,
    ];
    device.pack([a, b, c]);
    const before = await a.data();
    const step = device.compile(() => {
      c.assign(a);
      a.assign(device.zeros([500]));
      b.assign(device.zeros([500]));
    });
    step.run({});
    await device.sync();
    expect(await c.data()).toEqual(before);
    for (const each of [a, b]) expect(await each.data()).toEqual(new Float32Array(500));
  });

  it('may overlap with other tensors in memory', async () => {
    // One variable of the first rule between two of the second, in one buffer.
    const variables = [1, 2, 3, 4].map((seed) => drawVariable(device, [4096], seed));
    device.pack(variables);
    const before = await Promise.all(variables.map((each) => each.data()));
    const step = device.compile(() => {
      variables.forEach((variable, at) => {
        variable.assign(at % 2 === 0 ? variable.mul(2) : variable.add(1));
      });
    });
    step.run({});
    for (const [at, variable] of variables.entries()) {
      const expected = before[at]?.map((value) =>
        Math.fround(at % 2 === 0 ? Number(value) * 2 : Number(value) + 1),
      );
      expect(await variable.data()).toEqual(expected);
    }
  });

  it('works for more variables than there are bindings, and for more than fit into one table', async () => {
    const count = 3000;
    const variables = Array.from({ length: count }, (_, at) =>
      device.variable(Float32Array.from([at, -at, 1]), { name: `v${at}` }),
    );
    device.pack(variables);
    const step = device.compile(() => {
      for (const variable of variables) variable.assign(variable.add(0.5));
    });
    step.run({});
    const { dispatches } = await step.profile({});
    expect(dispatches).toBeLessThan(8);
    for (const at of [0, 1, 1234, count - 1]) {
      expect(await variables[at]?.data()).toEqual(Float32Array.from([at + 1, 1 - at, 2]));
    }
  });
});

describe('sumOfSquares', () => {
  const expected = async (tensors: readonly Tensor[]): Promise<number> => {
    let sum = 0;
    for (const tensor of tensors) for (const value of await tensor.data()) sum += Number(value) ** 2;
    return sum;
  };

  it('is the sum over all elements of tensors of any size', async () => {
    const tensors = [...drawAll(5), drawVariable(device, [70001], 9), drawVariable(device, [0], 1)];
    const wanted = await expected(tensors);
    expect((await sumOfSquares(tensors).item()) / wanted - 1).toBeCloseTo(0, 6);
  });

  it('counts nothing behind the end of a tensor', async () => {
    const variables = [3, 5, 1].map((size) =>
      device.variable(new Float32Array(64).fill(size).slice(0, size)),
    );
    const around = device.variable(new Float32Array(512).fill(Number.NaN));
    device.pack([...variables, around]);
    around.dispose();
    expect(await sumOfSquares(variables).item()).toBe(3 * 9 + 5 * 25 + 1);
  });

  it('takes any number of tensors, computed or stored, and one of them twice', async () => {
    const variables = Array.from({ length: 40 }, (_, at) => drawVariable(device, [at + 1, 3], at));
    const computed = variables.map((variable) => variable.mul(3).sub(1));
    const tensors = [...variables, ...computed, computed[0] as Tensor];
    const wanted = await expected(tensors);
    expect((await sumOfSquares(tensors).item()) / wanted - 1).toBeCloseTo(0, 6);
    const step = device.compile(() => ({
      total: sumOfSquares(variables.map((variable) => variable.mul(3).sub(1))),
    }));
    expect((await step.run({}).total.item()) / (await expected(computed)) - 1).toBeCloseTo(0, 6);
  });

  it('has twice each tensor as its gradient, scaled by what comes from above', async () => {
    const [a, b] = [drawVariable(device, [6, 7], 1), drawVariable(device, [900], 2)];
    const [slopeA, slopeB] = grad(sumOfSquares([a, b]).sqrt(), [a, b]) as [Tensor, Tensor];
    const norm = Math.sqrt(await expected([a, b]));
    const wanted = async (each: Tensor): Promise<number[]> => {
      return Array.from(await each.data(), (value) => Number(value) / norm);
    };
    expect(worstDifference(await slopeA.data(), await wanted(a))).toBeLessThan(1e-6);
    expect(worstDifference(await slopeB.data(), await wanted(b))).toBeLessThan(1e-6);
  });

  it('reads f16 as it lies in memory', async () => {
    if (!(await hasF16())) return;
    const halves = device.variable(Float32Array.of(1, 2, 3, 4, 0.5), { dtype: 'f16' });
    const floats = drawVariable(device, [300], 1);
    const total = await sumOfSquares([halves, floats]).item();
    expect(total / (30.25 + (await expected([floats]))) - 1).toBeCloseTo(0, 6);
  });

  it('refuses no tensors, and integers', () => {
    expect(() => sumOfSquares([])).toThrow(ShapeError);
    expect(() => sumOfSquares([device.arange(3)])).toThrow(DTypeError);
  });
});
