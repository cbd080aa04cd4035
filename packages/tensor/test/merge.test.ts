// Kernels that are made one: each case counts the dispatches and checks the values against the same graph in pieces.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, openDevice, type Tensor, type Variable } from '../src/index.js';
import { drawVariable, worstDifference } from './support/draw.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const kernelsOf = async (body: () => Record<string, Tensor> | undefined): Promise<string[]> => {
  const step = device.compile(body as () => Record<string, Tensor>);
  const { kernels } = await step.profile({});
  step.dispose();
  return kernels.map(({ name }) => name);
};

describe('results that a later kernel computes on its way', () => {
  const momentum = (parameter: Variable, moment: Variable, square: Variable, gradient: Tensor): void => {
    const mean = moment.mul(0.9).add(gradient.mul(0.1));
    const squares = square.mul(0.99).add(gradient.square().mul(0.01));
    parameter.assign(parameter.sub(mean.div(squares.sqrt().add(1e-3)).mul(0.01)));
    moment.assign(mean);
    square.assign(squares);
  };
  const make = (): [Variable, Variable, Variable, Variable] => [
    drawVariable(device, [64, 80], 1),
    drawVariable(device, [64, 80], 2),
    device.variable(device.ones([64, 80])),
    drawVariable(device, [64, 80], 3),
  ];

  it('are stored there: an optimizer is one kernel, in place', async () => {
    const [parameter, moment, square, gradient] = make();
    const step = device.compile(() => void momentum(parameter, moment, square, gradient));
    const { dispatches, arenaBytes } = await step.profile({});
    expect({ dispatches, arenaBytes }).toEqual({ dispatches: 1, arenaBytes: 0 });
  });

  it('have the values that separate kernels give', async () => {
    const [parameter, moment, square, gradient] = make();
    const [p, m, s, g] = await Promise.all([parameter, moment, square, gradient].map((each) => each.data()));
    const step = device.compile(() => void momentum(parameter, moment, square, gradient));
    step.run({});
    step.run({});
    const expected = [p, m, s].map((each) => Float64Array.from(each as Float32Array)) as Float64Array[];
    const [ep, em, es] = expected as [Float64Array, Float64Array, Float64Array];
    for (let update = 0; update < 2; update++) {
      ep.forEach((_, at) => {
        const slope = (g as Float32Array)[at] as number;
        em[at] = 0.9 * (em[at] as number) + 0.1 * slope;
        es[at] = 0.99 * (es[at] as number) + 0.01 * slope * slope;
        ep[at] = (ep[at] as number) - (0.01 * em[at]) / (Math.sqrt(es[at]) + 1e-3);
      });
    }
    expect(worstDifference(await parameter.data(), ep)).toBeLessThan(1e-6);
    expect(worstDifference(await moment.data(), em)).toBeLessThan(1e-6);
    expect(worstDifference(await square.data(), es)).toBeLessThan(1e-6);
  });

  it('are not, where others read them too', async () => {
    const [a, b] = [drawVariable(device, [40, 40], 4), device.variable(device.zeros([40, 40]))];
    const step = device.compile(() => {
      const doubled = a.mul(2);
      b.assign(doubled);
      return { sum: doubled.sum(), next: doubled.add(1) };
    });
    const { sum, next } = step.run({});
    const expected = Float32Array.from(await a.data(), (value) => 2 * value);
    expect(worstDifference(await b.data(), expected)).toBe(0);
    expect(
      worstDifference(
        await next.data(),
        expected.map((value) => value + 1),
      ),
    ).toBeLessThan(1e-6);
    expect(await sum.item()).toBeCloseTo(
      expected.reduce((total, value) => total + value, 0),
      3,
    );
  });
});

describe('elementwise work behind a product', () => {
  const [rows, inner, columns] = [48, 36, 72];
  const product = async (a: Tensor, b: Tensor): Promise<Float64Array> => {
    const [left, right] = [await a.data(), await b.data()];
    const result = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let k = 0; k < inner; k++)
          result[row * columns + column] =
            (result[row * columns + column] as number) +
            (left[row * inner + k] as number) * (right[k * columns + column] as number);
    return result;
  };

  it('is done before the product is stored', async () => {
    const [a, b] = [drawVariable(device, [rows, inner], 1), drawVariable(device, [inner, columns], 2)];
    const [bias, rest] = [
      drawVariable(device, [columns], 3),
      drawVariable(device, [2, rows / 2, columns], 4),
    ];
    const body = () => ({
      result: a
        .matmul(b)
        .reshape([2, rows / 2, columns])
        .add(bias)
        .relu()
        .add(rest)
        .square()
        .sum(2),
      also: a.matmul(b).sum(),
    });
    // The product is stored as well, for the second sum.
    expect((await kernelsOf(body)).filter((name) => name.startsWith('matmul'))).toHaveLength(1);
    const one = () => ({
      result: a
        .matmul(b)
        .add(bias)
        .relu()
        .add(1)
        .mul(2)
        .reshape([rows * columns])
        .sum(),
    });
    expect((await kernelsOf(one))[0]).toMatch(/^matmul/);
  });

  it.each([
    ['a bias and an activation', false],
    ['and the product itself as a result', true],
  ])('gives the right values: %s', async (_, alsoRaw) => {
    const [a, b] = [drawVariable(device, [rows, inner], 5), drawVariable(device, [inner, columns], 6)];
    const [bias, rest] = [drawVariable(device, [columns], 7), drawVariable(device, [rows, columns], 8)];
    const step = device.compile(() => {
      const raw = a.matmul(b);
      const hidden = raw.add(bias).relu().add(rest);
      // Two readers keep it in a buffer of its own.
      return {
        twice: hidden.matmul(hidden, { transposeB: true }),
        ...(alsoRaw ? { later: raw.mul(3).sum(1) } : {}),
      };
    });
    const outputs = step.run({}) as { twice: Tensor; later?: Tensor };
    const raw = await product(a, b);
    const [biases, rests] = [await bias.data(), await rest.data()];
    const hidden = raw.map(
      (value, at) => Math.max(0, value + (biases[at % columns] as number)) + (rests[at] as number),
    );
    const expected: number[] = [];
    for (let row = 0; row < rows; row++)
      for (let other = 0; other < rows; other++) {
        let sum = 0;
        for (let k = 0; k < columns; k++)
          sum += (hidden[row * columns + k] as number) * (hidden[other * columns + k] as number);
        expected.push(sum);
      }
    expect(worstDifference(await outputs.twice.data(), expected)).toBeLessThan(2e-4);
    if (outputs.later === undefined) return;
    const sums = Array.from({ length: rows }, (_, row) =>
      raw.subarray(row * columns, (row + 1) * columns).reduce((total, value) => total + 3 * value, 0),
    );
    expect(worstDifference(await outputs.later.data(), sums)).toBeLessThan(1e-4);
  });

  it('waits where a kernel between reads the product', async () => {
    const [a, b] = [drawVariable(device, [rows, inner], 9), drawVariable(device, [inner, columns], 10)];
    const step = device.compile(() => {
      const raw = a.matmul(b);
      // The mean needs the whole product before the difference can be taken.
      const centred = raw.sub(raw.mean(0, { keepDims: true }));
      return { result: centred.matmul(centred, { transposeA: true }).sum(), centred };
    });
    const { centred } = step.run({}) as { centred: Tensor };
    const raw = await product(a, b);
    const means = Array.from({ length: columns }, (_, column) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += raw[row * columns + column] as number;
      return sum / rows;
    });
    const expected = raw.map((value, at) => value - (means[at % columns] as number));
    expect(worstDifference(await centred.data(), expected)).toBeLessThan(1e-5);
  });

  it('may read a factor of the product', async () => {
    const [a, b] = [drawVariable(device, [40, 40], 11), drawVariable(device, [40, 40], 12)];
    const step = device.compile(() => {
      const residual = a.matmul(b).add(a);
      return { sum: residual.matmul(residual).sum(), residual };
    });
    const { residual } = step.run({}) as { residual: Tensor };
    const [left, right] = [await a.data(), await b.data()];
    const expected = Array.from({ length: 1600 }, (_, at) => {
      let sum = left[at] as number;
      for (let k = 0; k < 40; k++)
        sum += (left[40 * Math.floor(at / 40) + k] as number) * (right[40 * k + (at % 40)] as number);
      return sum;
    });
    expect(worstDifference(await residual.data(), expected)).toBeLessThan(1e-5);
  });
});

describe('pipelines', () => {
  it('are shared by sizes that only their parameters know', async () => {
    const gpu = device.runtime.gpu;
    const compiled: string[] = [];
    const create = gpu.createComputePipeline.bind(gpu);
    gpu.createComputePipeline = (descriptor) => {
      compiled.push(descriptor.label ?? '');
      return create(descriptor);
    };
    try {
      for (const size of [64, 96, 160]) {
        const [a, b] = [
          drawVariable(device, [size, 2 * size], 1),
          drawVariable(device, [2 * size, size + 32], 2),
        ];
        await a.matmul(b).data();
        await a.mul(2).sub(1).sqrt().data();
      }
    } finally {
      gpu.createComputePipeline = create;
    }
    expect(compiled.filter((label) => label === 'matmul').length).toBeLessThanOrEqual(1);
    expect(compiled.filter((label) => label.startsWith('sqrt')).length).toBeLessThanOrEqual(1);
  });

  it('are all there when a step has been warmed up', async () => {
    const [a, b] = [drawVariable(device, [24, 20], 1), drawVariable(device, [20, 28], 2)];
    const step = device.compile(({ x }: { x: Tensor }) => ({ loss: a.matmul(b).exp().mul(x).sum() }));
    const inputs = { x: { data: Float32Array.of(0.5), shape: [] } };
    await step.warmUp(inputs);
    const gpu = device.runtime.gpu;
    const create = gpu.createComputePipeline;
    gpu.createComputePipeline = () => {
      throw new Error('compiled after the warm-up');
    };
    try {
      expect(Number.isFinite(await step.run(inputs).loss.item())).toBe(true);
    } finally {
      gpu.createComputePipeline = create;
    }
  });
});

describe('permutations', () => {
  it('of permutations are none or one', async () => {
    const a = drawVariable(device, [6, 10, 14], 1);
    const names = await kernelsOf(() => ({
      back: a.permute([2, 0, 1]).permute([1, 2, 0]).matmul(a, { transposeB: true }),
    }));
    expect(names).toHaveLength(1);
    const twice = a.permute([1, 2, 0]).permute([1, 2, 0]);
    expect([...(await twice.data())]).toEqual([...(await a.permute([2, 0, 1]).data())]);
  });
});
