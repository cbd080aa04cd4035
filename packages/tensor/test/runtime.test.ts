import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  attention,
  type Device,
  DeviceLostError,
  DisposedError,
  DTypeError,
  ForetokenError,
  foldIn,
  grad,
  HostRandom,
  openDevice,
  randomKey,
  ShapeError,
  type Tensor,
  type Variable,
  where,
} from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const scalar = (value: number) => ({ data: Float32Array.of(value), shape: [] });

describe('evaluation', () => {
  it('reads nested arrays back, and single elements', async () => {
    const x = device.tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(await x.mul(2).toArray()).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(await x.sum().item()).toBe(10);
    expect(await x.gt(2).toArray()).toEqual([
      [false, false],
      [true, true],
    ]);
    await expect(x.item()).rejects.toThrow(ShapeError);
  });

  it('survives long chains and wide sums', async () => {
    let chain = device.tensor([1]);
    for (let at = 0; at < 5000; at++) chain = chain.add(1);
    expect(await chain.item()).toBe(5001);
    let wide = device.tensor([0]);
    for (let at = 1; at <= 60; at++) wide = wide.add(device.tensor([at]));
    expect(await wide.item()).toBe(1830);
  });

  it('dispatches more workgroups than one axis takes', async () => {
    const count = 65536 * 64 + 7;
    const ones = device.variable(new Float32Array(count).fill(1), { trainable: false });
    expect(
      await ones
        .add(1)
        .slice(0, count - 1)
        .item(),
    ).toBe(2);
    expect(await ones.sum().item()).toBe(count);
    ones.dispose();
  });

  it('gives gradients also after a value has been read', async () => {
    const x = device.tensor([3]);
    const y = x.square();
    expect(await y.item()).toBe(9);
    expect(await grad(y, [x])[0]?.item()).toBe(6);
  });

  it('differentiates gradients', async () => {
    const x = device.tensor([2]);
    const [first] = grad(x.pow(3).sum(), [x]);
    const [second] = grad(first?.sum() ?? x, [x]);
    expect(await first?.item()).toBeCloseTo(12, 4);
    expect(await second?.item()).toBeCloseTo(12, 4);
  });

  it('stops gradients at detach, and says so when nothing is left', () => {
    const x = device.tensor([2]);
    expect(() => grad(x.detach().square().sum(), [x])).toThrow(/does not depend on tensor 0 \[1\]/);
  });
});

describe('variables', () => {
  it('assign lazily, and reads see the newest value', async () => {
    const a = device.variable(Float32Array.of(1, 2));
    a.assign(a.add(10));
    a.assign(a.mul(2));
    expect(await a.data()).toEqual(Float32Array.of(22, 24));
    a.dispose();
  });

  it('swap', async () => {
    const [a, b] = [device.variable(Float32Array.of(1)), device.variable(Float32Array.of(2))];
    const [before, after] = [a.mul(1), b.mul(1)];
    a.assign(after);
    b.assign(before);
    expect([await a.item(), await b.item()]).toEqual([2, 1]);
    // The same through leaves, which can be copied but not computed in place.
    const step = device.compile(() => {
      const [left, right] = [a.detach(), b.detach()];
      a.assign(right);
      b.assign(left);
      return {};
    });
    step.run({});
    expect([await a.item(), await b.item()]).toEqual([1, 2]);
  });

  it('keep the old value for those that need it in the same evaluation', async () => {
    const a = device.variable(Float32Array.of(1, 2, 3));
    const reversed = a.flip(0);
    a.assign(a.add(reversed));
    device.realize(reversed);
    expect(await reversed.data()).toEqual(Float32Array.of(3, 2, 1));
    expect(await a.data()).toEqual(Float32Array.of(4, 4, 4));
  });

  it('refuse a tensor built on a value that is gone', async () => {
    const a = device.variable(Float32Array.of(1), { name: 'weight' });
    const old = a.mul(2);
    a.load(Float32Array.of(5));
    await expect(old.data()).rejects.toThrow(/variable weight .* replaced since/);
    expect(() => a.load(Float32Array.of(1, 2))).toThrow(ShapeError);
    expect(() => a.load(Int32Array.of(1))).toThrow(DTypeError);
    expect(() => a.assign(device.tensor([1, 2]))).toThrow(/variable weight is f32\[1\]/);
  });

  it('accumulate gradients over backward passes', async () => {
    const w = device.variable(Float32Array.of(2, 3));
    w.square().sum().backward();
    w.sum().backward();
    expect(await w.grad?.data()).toEqual(Float32Array.of(5, 7));
  });

  it('are frozen and released, but not while a step is traced', async () => {
    const [w, v] = [1, 2].map((value) => device.variable(Float32Array.of(value))) as [Variable, Variable];
    const backward = () => {
      w.mul(v).sum().backward();
      const gradients = [w.grad, v.grad];
      w.grad = undefined;
      v.grad = undefined;
      return Promise.all(gradients.map((gradient) => gradient?.item()));
    };
    w.trainable = false;
    expect(await backward()).toEqual([undefined, 1]);
    v.trainable = false;
    expect(() => w.mul(v).sum().backward()).toThrow('does not depend on any trainable variable');
    w.assign(w.add(2));
    w.trainable = true;
    v.trainable = true;
    expect(await backward()).toEqual([2, 3]);
    const step = device.compile(() => {
      w.trainable = false;
      return { w };
    });
    expect(() => step.run({})).toThrow('cannot be frozen or released while a compiled step is traced');
    expect(w.trainable).toBe(true);
  });
});

describe('compiled steps', () => {
  it('trace once for each set of shapes, and write variables in place', async () => {
    const total = device.variable(Float32Array.of(0), { trainable: false });
    let traces = 0;
    const step = device.compile(({ x }: { x: Tensor }) => {
      traces++;
      total.assign(total.add(x.sum().reshape([1])));
      return { doubled: x.mul(2) };
    });
    for (let run = 1; run <= 3; run++) {
      const { doubled } = step.run({ x: { data: Float32Array.of(run, run), shape: [2] } });
      expect(await doubled.data()).toEqual(Float32Array.of(2 * run, 2 * run));
    }
    step.run({ x: { data: Float32Array.of(1), shape: [1] } });
    expect(traces).toBe(2);
    expect(await total.item()).toBe(13);
  });

  it('may be in flight several times', async () => {
    const step = device.compile(({ x }: { x: Tensor }) => ({ y: x.mul(x) }));
    const pending = [1, 2, 3, 4].map((value) => step.run({ x: scalar(value) }).y.item());
    expect(await Promise.all(pending)).toEqual([1, 4, 9, 16]);
  });

  it('leave no trace when the function throws', async () => {
    const w = device.variable(Float32Array.of(1));
    const step = device.compile(() => {
      w.assign(w.add(1));
      throw new Error('mine');
    });
    expect(() => step.run({})).toThrow('mine');
    expect(await w.item()).toBe(1);
  });

  it('refuse inputs that do not fit their shape, and reading while tracing', () => {
    const step = device.compile(({ x }: { x: Tensor }) => ({ x }), { name: 'mine' });
    expect(() => step.run({ x: { data: Float32Array.of(1), shape: [2] } })).toThrow(
      /mine: input x has shape \[2\] but 1 values/,
    );
    const reading = device.compile(({ x }: { x: Tensor }) => ({ x: x.realize() }));
    expect(() => reading.run({ x: scalar(1) })).toThrow(ForetokenError);
  });

  it('fuse a chain of elementwise operations into one dispatch', async () => {
    const step = device.compile(({ x }: { x: Tensor }) => ({
      y: x.add(1).mul(2).exp().log().sub(3).square().neg().abs().sqrt().tanh(),
    }));
    const profile = await step.profile({ x: { data: new Float32Array(64), shape: [64] } });
    expect(profile.dispatches).toBe(1);
    expect(profile.kernels[0]?.microseconds).toBeGreaterThanOrEqual(0);
  });

  it('give the same bits each time', async () => {
    const step = device.compile(({ x }: { x: Tensor }) => ({
      y: x.softmax().matmul(x, { transposeB: true }).sum(0),
    }));
    const random = new HostRandom(3);
    const x = { data: Float32Array.from({ length: 40 * 33 }, () => random.normal()), shape: [40, 33] };
    expect(await step.run({ x }).y.data()).toEqual(await step.run({ x }).y.data());
  });
});

describe('memory', () => {
  beforeEach(() => device.sync());

  it('stays flat over eager steps', async () => {
    let x = device.tensor(new Float32Array(1000));
    for (let at = 0; at < 20; at++) await x.add(1).data();
    const before = device.memory();
    for (let at = 0; at < 300; at++) {
      using _ = device.openScope();
      x = device.tensor(await x.add(1).mul(0.5).data());
    }
    const after = device.memory();
    expect(after.liveBuffers).toBe(before.liveBuffers);
    expect(after.pooledBytes).toBeLessThanOrEqual(2 * before.pooledBytes + 1e6);
  });

  it('stays flat over compiled steps', async () => {
    const w = device.variable(new Float32Array(1000));
    const step = device.compile(({ rate }: { rate: Tensor }) => {
      const loss = w.sub(1).square().sum();
      loss.backward();
      w.assign(w.sub((w.grad ?? w).mul(rate)));
      w.grad = undefined;
      return { loss };
    });
    const run = async () => {
      const { loss } = step.run({ rate: scalar(0.01) });
      // What has been read needs no GPU memory any more, though nobody disposes it.
      return loss.item();
    };
    const first = await run();
    const before = device.memory();
    let last = 0;
    for (let at = 0; at < 300; at++) last = await run();
    expect(last).toBeLessThan(first / 100);
    expect(device.memory()).toEqual(before);
    step.dispose();
    w.dispose();
  });

  it('scopes free all but what they return', async () => {
    const before = device.memory().liveBuffers;
    const kept = device.scope(() => {
      device.tensor([1, 2]).mul(2).realize();
      return device.tensor([3]).mul(2).realize();
    });
    expect(device.memory().liveBuffers).toBe(before + 1);
    expect(await kept.item()).toBe(6);
    const other = device.tensor([1]).add(1).realize();
    other.dispose();
    await expect(other.data()).rejects.toThrow(DisposedError);
  });
});

describe('random numbers', () => {
  it('are those of the published test vectors', async () => {
    const bits = await device.randomBits(device.tensor(Uint32Array.of(0, 0)), [2]).data();
    expect([...bits]).toEqual([0x6b200159, 0x99ba4efe]);
  });

  it('derive the same keys on host and GPU', async () => {
    const key = device.tensor(randomKey(7, 3));
    expect(await foldIn(key, 5).data()).toEqual(randomKey(7, 3, 5));
    expect(await device.randomBits(key, [6]).data()).toEqual(
      Uint32Array.from(
        { length: 6 },
        (() => {
          const random = new HostRandom(7, 3);
          return () => random.uint32();
        })(),
      ),
    );
  });

  it('have the moments that they should', async () => {
    const key = device.tensor(randomKey(1));
    const uniform = (await device.randomUniform(key, [20000]).data()) as Float32Array;
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(uniform.reduce((a, b) => a + b) / 20000).toBeCloseTo(0.5, 1.5);
    const normal = device.randomNormal(key, [20000]);
    expect(await normal.mean().item()).toBeCloseTo(0, 1.3);
    expect(await normal.variance().item()).toBeCloseTo(1, 1.3);
  });

  it('resume where they were', () => {
    const random = new HostRandom(9);
    for (let at = 0; at < 3; at++) random.uint32();
    const copy = HostRandom.restore(random.state());
    expect([copy.uint32(), copy.normal(), copy.integer(10)]).toEqual([
      random.uint32(),
      random.normal(),
      random.integer(10),
    ]);
  });

  it('drop the share that dropout asks for, with the gradient of what is kept', async () => {
    const x = device.ones([10000]).add(device.tensor([0]));
    const dropped = x.dropout(0.25, device.tensor(randomKey(2)));
    const values = (await dropped.data()) as Float32Array;
    const zeros = values.filter((value) => value === 0).length;
    expect(zeros / 10000).toBeCloseTo(0.25, 1.5);
    expect(Math.max(...values)).toBeCloseTo(4 / 3, 5);
    expect(await grad(dropped.sum(), [x])[0]?.data()).toEqual(values);
  });
});

describe('attention', () => {
  it('gives zeros to a query that sees nothing, and takes no gradient from it', async () => {
    const ones = () => device.ones([1, 1, 2, 4]).add(device.tensor([0]));
    const [query, key, value] = [ones(), ones(), ones()];
    const mask = device.tensor([
      [true, false],
      [false, false],
    ]);
    const result = attention(query, key, value, { mask });
    expect(await result.data()).toEqual(Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0));
    const [towardsValue] = grad(result.sum(), [value]);
    expect(await towardsValue?.data()).toEqual(Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0));
  });

  it('equals softmax and matmul, with grouped heads, odd widths and gradients', async () => {
    const random = new HostRandom(4);
    const draw = (...shape: number[]) =>
      device.tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
        { shape },
      );
    const [query, key, value] = [draw(2, 4, 5, 6), draw(2, 2, 7, 6), draw(2, 2, 7, 6)];
    const visible = device.arange(7).unsqueeze(0).le(device.arange(5).unsqueeze(1).add(2));
    const repeated = (heads: typeof key) => heads.unsqueeze(2).expand([2, 2, 2, 7, 6]).reshape([2, 4, 7, 6]);
    const scores = query.matmul(repeated(key), { transposeB: true }).div(Math.sqrt(6));
    const plain = where(visible, scores, -1e30).softmax().matmul(repeated(value));
    const fused = attention(query, key, value, { mask: visible });
    const weights = draw(2, 4, 5, 6);
    const close = async (a: typeof key, b: typeof key) => {
      const [left, right] = [await a.data(), await b.data()];
      left.forEach((one, at) => {
        expect(one).toBeCloseTo(right[at] as number, 4);
      });
    };
    await close(fused, plain);
    const slopes = [fused, plain].map((result) => grad(result.mul(weights).sum(), [query, key, value]));
    for (const at of [0, 1, 2]) await close(slopes[0]?.[at] ?? key, slopes[1]?.[at] ?? query);
  });
});

describe('inputs of whole numbers', () => {
  it('are what was given, whether or not they changed since the run before', async () => {
    const step = device.compile(({ ids, flags }: { ids: Tensor; flags: Tensor }) => ({
      total: ids.sum().add(flags.cast('i32').sum()),
    }));
    const run = (ids: readonly number[], flags: readonly number[]): Promise<number> =>
      step
        .run({
          ids: { data: Int32Array.from(ids), shape: [ids.length] },
          flags: { data: Uint8Array.from(flags), shape: [flags.length] },
        })
        .total.item();
    expect(await run([1, 2, 3], [1, 0])).toBe(7);
    expect(await run([1, 2, 3], [1, 0])).toBe(7);
    expect(await run([1, 2, 4], [1, 0])).toBe(8);
    expect(await run([5, 5], [0, 0])).toBe(10);
    expect(await run([1, 2, 3], [1, 1])).toBe(8);
    const reused = Int32Array.of(1, 1, 1);
    const given = { ids: { data: reused, shape: [3] }, flags: { data: Uint8Array.of(0, 0), shape: [2] } };
    expect(await step.run(given).total.item()).toBe(3);
    reused.fill(2);
    expect(await step.run(given).total.item()).toBe(6);
    step.dispose();
  });
});

describe('errors', () => {
  it.each([
    [
      'shapes that do not broadcast',
      () => device.ones([2, 3]).add(device.ones([4, 3])),
      ShapeError,
      /add: shapes \[2, 3\] and \[4, 3\] do not broadcast/,
    ],
    [
      'dtypes that differ',
      () => device.ones([2]).add(device.ones([2], 'i32')),
      DTypeError,
      /add: dtypes f32 and i32 differ. Use cast/,
    ],
    [
      'matrices that do not fit',
      () => device.ones([2, 3]).matmul(device.ones([2, 3])),
      ShapeError,
      /inner sizes are 3 and 2/,
    ],
    [
      'an axis that is not there',
      () => device.ones([2]).sum(1),
      ShapeError,
      /axis 1 is out of range .* Use -1 to 0/,
    ],
    ['an axis named twice', () => device.ones([2, 2]).sum([0, -2]), ShapeError, /name one axis twice/],
    [
      'a reshape that loses elements',
      () => device.ones([6]).reshape([4, 2]),
      ShapeError,
      /has 6 elements, \[4, 2\] would have 8/,
    ],
    ['ragged arrays', () => device.tensor([[1], [1, 2]]), ShapeError, /ragged/],
    ['the maximum of nothing', () => device.ones([0]).max(), ShapeError, /no elements to choose from/],
    [
      'a gradient of many',
      () => device.variable(Float32Array.of(1, 2)).backward(),
      ShapeError,
      /expected one f32 element/,
    ],
    ['negative seeds', () => randomKey(-1), ForetokenError, /non-negative/],
  ])('name %s', (_, act, kind, message) => {
    expect(act).toThrow(kind);
    expect(act).toThrow(message);
  });

  it('tell of tensors of another device, and of a closed one', async () => {
    const other = await openDevice();
    const foreign = other.ones([1]);
    expect(() => device.ones([1]).add(foreign)).toThrow(/different devices/);
    other.close();
    await expect(foreign.add(1).data()).rejects.toThrow(DeviceLostError);
  });
});
