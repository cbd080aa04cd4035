// Attention against matmul and softmax, under masks that leave out whole squares of pairs.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  type Device,
  grad,
  HostRandom,
  openDevice,
  selfAttention,
  softCap,
  type Tensor,
  type Variable,
} from '../src/index.js';
import { type Claim, closeClaimed, deviceThatClaims } from './support/claims.js';
import { drawVariable, worstDifference } from './support/draw.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** By definition; each key head serves several query heads. A row that sees nothing gives zeros. */
function composed(query: Tensor, key: Tensor, value: Tensor, mask?: Tensor, cap?: number): Tensor {
  const [batch, heads, , width] = query.shape as [number, number, number, number];
  const [, keyHeads, keys] = key.shape as [number, number, number];
  const spread = (tensor: Tensor): Tensor =>
    tensor
      .unsqueeze(2)
      .expand([batch, keyHeads, heads / keyHeads, keys, width])
      .reshape([batch, heads, keys, width]);
  const products = query.matmul(spread(key), { transposeB: true }).div(Math.sqrt(width));
  const scores = cap === undefined ? products : softCap(products, cap);
  if (mask === undefined) return scores.softmax().matmul(spread(value));
  const visible = mask.cast('f32').expand(scores.shape);
  const weights = scores.add(visible.sub(1).mul(1e9)).softmax().mul(visible);
  return weights.matmul(spread(value));
}

async function compare(
  actual: readonly Tensor[],
  expected: readonly Tensor[],
  tolerance = 2e-5,
): Promise<void> {
  for (const [at, tensor] of actual.entries()) {
    const difference = worstDifference(await tensor.data(), await (expected[at] as Tensor).data());
    expect(difference, `result ${at}`).toBeLessThan(tolerance);
  }
}

const time = (count: number): Tensor => device.arange(count);
const masks: Record<string, (queries: number, keys: number) => Tensor | undefined> = {
  none: () => undefined,
  causal: (queries, keys) =>
    time(keys).unsqueeze(0).le(time(queries).unsqueeze(1)).reshape([1, 1, queries, keys]),
  'a sliding window': (queries, keys) => {
    const ahead = time(queries).unsqueeze(1).sub(time(keys).unsqueeze(0));
    return ahead.ge(0).and(ahead.lt(9)).reshape([1, 1, queries, keys]);
  },
  'padding, another length for each sequence': (_, keys) =>
    time(keys)
      .reshape([1, 1, 1, keys])
      .lt(device.tensor(Int32Array.of(keys, 5), { shape: [2, 1, 1, 1] })),
  'one of its own for each head': (queries, keys) => {
    const random = new HostRandom(3);
    const length = 2 * 4 * queries * keys;
    const values = Uint8Array.from({ length }, (_, at) => (at % keys < keys / 2 ? random.integer(2) : 0));
    return device.tensor(values, { shape: [2, 4, queries, keys] });
  },
  'queries that see nothing': (queries, keys) =>
    time(queries)
      .unsqueeze(1)
      .ge(device.full([1, keys], 20, 'i32'))
      .reshape([1, 1, queries, keys]),
};

describe.each(Object.keys(masks))('attention with the mask: %s', (name) => {
  it.each([
    [33, 33, 8],
    [70, 70, 6],
    [40, 65, 12],
  ])('%i queries, %i keys, width %i: values and gradients', async (queries, keys, width) => {
    const query = drawVariable(device, [2, 4, queries, width], 1);
    const key = drawVariable(device, [2, 2, keys, width], 2);
    const value = drawVariable(device, [2, 2, keys, width], 3);
    const weights = drawVariable(device, [2, 4, queries, width], 4);
    const mask = masks[name]?.(queries, keys);
    const all = (result: Tensor): Tensor[] => [
      result,
      ...grad(result.mul(weights).sum(), [query, key, value]),
    ];
    const expected = all(composed(query, key, value, mask));
    await compare(all(attention(query, key, value, { mask })), expected);
    await compare(all(attention(query, key, value, { mask, sharedOut: 'keys' })), expected);
    if (mask !== undefined)
      await compare(all(attention(query, key, value, { mask, skipBlocks: false })), expected);
  });

  // A cap that bends most of the scores, and one that they hardly feel.
  it.each([0.4, 30])('scores capped at %d: values and gradients', async (cap) => {
    const [queries, keys, width] = [40, 37, 12];
    const query = drawVariable(device, [2, 4, queries, width], 1);
    const key = drawVariable(device, [2, 2, keys, width], 2);
    const value = drawVariable(device, [2, 2, keys, width], 3);
    const weights = drawVariable(device, [2, 4, queries, width], 4);
    const mask = masks[name]?.(queries, keys);
    const all = (result: Tensor): Tensor[] => [
      result,
      ...grad(result.mul(weights).sum(), [query, key, value]),
    ];
    const expected = all(composed(query, key, value, mask, cap));
    await compare(all(attention(query, key, value, { mask, softCap: cap })), expected);
    await compare(all(attention(query, key, value, { mask, softCap: cap, sharedOut: 'keys' })), expected);
  });
});

describe('a cap of scores', () => {
  it('keeps scores finite that would overflow an exponential', async () => {
    const [query, key, value] = [1, 2, 3].map((seed) => drawVariable(device, [1, 1, 5, 4], seed)) as [
      Variable,
      Variable,
      Variable,
    ];
    const options = { scale: 1e6, softCap: 50 };
    const result = attention(query, key, value, options);
    const gradients = grad(result.sum(), [query, key, value]);
    for (const tensor of [result, ...gradients])
      for (const number of await tensor.data()) expect(Number.isFinite(number)).toBe(true);
  });

  it('must be above 0', () => {
    const heads = device.ones([1, 1, 2, 4]);
    expect(() => attention(heads, heads, heads, { softCap: 0 })).toThrow('expected a softCap above 0, got 0');
    expect(() =>
      selfAttention(device.ones([1, 2, 12]), { queryHeads: 1, keyHeads: 1 }, { softCap: Number.NaN }),
    ).toThrow('expected a softCap above 0, got NaN');
  });
});

const own = await openDevice();
const subgroups = own.runtime.target.subgroupSize;
own.close();
// On the CPU with subgroups and without, and as on a GPU.
describe.each<Claim>([
  { description: 'llvmpipe' },
  ...(subgroups === undefined
    ? []
    : [{ description: 'llvmpipe', subgroupMinSize: subgroups, subgroupMaxSize: subgroups }]),
  { description: 'a discrete GPU' },
])('keys that lanes share out: $description, subgroups $subgroupMinSize', (claim) => {
  let device: Device;
  beforeAll(async () => {
    device = await deviceThatClaims(claim);
  });
  afterAll(closeClaimed);

  const draw = (queries: number, keys: number, width: number): [Variable, Variable, Variable] => [
    drawVariable(device, [1, 4, queries, width], 1),
    drawVariable(device, [1, 2, keys, width], 2),
    drawVariable(device, [1, 2, keys, width], 3),
  ];
  const seen = (keys: number): Tensor => device.arange(keys).lt(77).reshape([1, 1, 1, keys]);

  it.each([
    [1, 1, 4],
    [1, 300, 8],
    [2, 17, 7],
    [3, 129, 64],
    [2, 40, 130],
  ])('%i queries, %i keys, width %i', async (queries, keys, width) => {
    const [query, key, value] = draw(queries, keys, width);
    const expected = composed(query, key, value);
    await compare([attention(query, key, value, { sharedOut: 'keys' })], [expected]);
  });

  it('are shared out, where rows are narrow enough', async ({ skip }) => {
    const names = async (width: number): Promise<string[]> => {
      const [query, key, value] = draw(1, 20, width);
      const step = device.compile(() => ({ result: attention(query, key, value, { sharedOut: 'keys' }) }));
      return (await step.profile({})).kernels.map(({ name }) => name);
    };
    if (!device.features.has('timestamp-query')) skip('no timestamp queries');
    expect(await names(16)).toContain('attentionAcrossKeys');
    expect((await names(64)).includes('attentionAcrossKeys')).toBe(claim.description !== 'llvmpipe');
  });

  it('give the same bits to a query alone and beside others, and however many keys are hidden behind', async () => {
    const [query, key, value] = draw(5, 90, 16);
    const all = await attention(query, key, value, { mask: seen(90), sharedOut: 'keys' })
      .slice(2, 3, 4)
      .data();
    const [fewerKeys, fewerValues] = [key.slice(2, 0, 80), value.slice(2, 0, 80)];
    const alone = attention(query.slice(2, 3, 4), fewerKeys, fewerValues, {
      mask: seen(80),
      sharedOut: 'keys',
    });
    expect(await alone.data()).toEqual(all);
  });

  it('have the same gradients', async () => {
    const [query, key, value] = draw(3, 90, 16);
    const mask = seen(90);
    const gradients = (result: Tensor): Tensor[] => grad(result.square().sum(), [query, key, value]);
    const actual = gradients(attention(query, key, value, { mask, sharedOut: 'keys' }));
    await compare(actual, gradients(composed(query, key, value, mask)));
  });

  it('keep large and rising scores finite', async () => {
    const keys = 50;
    const query = device.tensor([[[[1, 0, 0, 0]]]]);
    const rising = device.arange(keys).cast('f32').mul(40);
    const key = rising.reshape([1, 1, keys, 1]).mul(device.tensor([1, 0, 0, 0]));
    const value = device.arange(keys).cast('f32').reshape([1, 1, keys, 1]).expand([1, 1, keys, 4]);
    const result = attention(query, key, value, { scale: 1, sharedOut: 'keys' });
    expect(Array.from(await result.data())).toEqual([49, 49, 49, 49]);
  });
});

describe('blocks that are not skipped', () => {
  it('are not looked for', async () => {
    const [query, key, value] = [1, 2, 3].map((seed) => drawVariable(device, [1, 2, 64, 8], seed)) as [
      Variable,
      Variable,
      Variable,
    ];
    const mask = masks['causal']?.(64, 64);
    const kernelsWith = async (skipBlocks: boolean): Promise<string[]> => {
      const step = device.compile(() => ({ result: attention(query, key, value, { mask, skipBlocks }) }));
      return (await step.profile({})).kernels.map((kernel) => kernel.name);
    };
    expect(await kernelsWith(true)).toContain('attentionBlocks');
    expect(await kernelsWith(false)).not.toContain('attentionBlocks');
  });
});

describe('self-attention of a projection', () => {
  it.each([
    [4, 4, 8],
    [4, 2, 16],
    [6, 1, 6],
  ])(
    '%i query heads and %i key heads of width %i: as attention of its parts',
    async (queryHeads, keyHeads, width) => {
      const [batch, count] = [2, 37];
      const heads = queryHeads + 2 * keyHeads;
      const projection = drawVariable(device, [batch, count, heads * width], 5);
      const weights = drawVariable(device, [batch, count, queryHeads * width], 6);
      const mask = masks['causal']?.(count, count);
      const split = projection.reshape([batch, count, heads, width]).permute([0, 2, 1, 3]);
      const parts = attention(
        split.slice(1, 0, queryHeads),
        split.slice(1, queryHeads, queryHeads + keyHeads),
        split.slice(1, queryHeads + keyHeads),
        { mask },
      )
        .permute([0, 2, 1, 3])
        .reshape([batch, count, queryHeads * width]);
      const whole = selfAttention(projection, { queryHeads, keyHeads }, { mask });
      const both = [whole, parts].map((result) => [result, ...grad(result.mul(weights).sum(), [projection])]);
      await compare(both[0] as Tensor[], both[1] as Tensor[], 1e-5);
    },
  );

  it('copies nothing: no kernels but its own, the block states and the reductions of the test', async () => {
    const projection = drawVariable(device, [2, 32, 96], 5);
    const mask = masks['causal']?.(32, 32);
    const step = device.compile(() => {
      const result = selfAttention(projection, { queryHeads: 4, keyHeads: 4 }, { mask });
      return { gradient: grad(result.sum(), [projection])[0] as Tensor };
    });
    const { kernels } = await step.profile({});
    expect(kernels.filter(({ name }) => name.startsWith('attention')).length).toBe(4);
    expect(kernels.length).toBeLessThanOrEqual(6);
  });

  it('names the widths that do not fit', () => {
    expect(() => selfAttention(device.ones([1, 4, 50]), { queryHeads: 2, keyHeads: 2 })).toThrow(/6 heads/);
    expect(() => selfAttention(device.ones([1, 4, 48]), { queryHeads: 3, keyHeads: 2 })).toThrow(
      /must divide/,
    );
  });
});

describe('a result that was read before its gradient was asked for', () => {
  it('gives the same gradient: what the kernel left out is computed again', async () => {
    const projection = drawVariable(device, [1, 24, 48], 7);
    const fresh = grad(selfAttention(projection, { queryHeads: 2, keyHeads: 2 }).square().sum(), [
      projection,
    ])[0] as Tensor;
    const result = selfAttention(projection, { queryHeads: 2, keyHeads: 2 });
    device.realize(result);
    const late = grad(result.square().sum(), [projection])[0] as Tensor;
    await compare([late], [fresh], 1e-7);
  });

  it('also for norms, evaluated between the two', async () => {
    const [rows, weight] = [drawVariable(device, [9, 20], 8), drawVariable(device, [20], 9)];
    const fresh = grad(rows.rmsNorm(weight, 1e-5).square().mul(rows).sum(), [rows, weight]);
    const result = rows.rmsNorm(weight, 1e-5);
    const late = grad(result.square().mul(rows).sum(), [rows, weight]);
    device.realize(result);
    await compare(late, fresh, 1e-6);
  });
});
