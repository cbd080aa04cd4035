import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  crossEntropy,
  type Device,
  embedding,
  linearCrossEntropy,
  openDevice,
  type Tensor,
} from '../src/index.js';
import { withoutKnownNotes } from '../src/runtime/driver-notes.node.js';

const { NaN: NOT_A_NUMBER, POSITIVE_INFINITY: INFINITY, NEGATIVE_INFINITY } = Number;
const POISON = new Float32Array(Uint32Array.of(0x5a5a5a5a).buffer)[0] as number;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ poison: true });
});
afterAll(() => device.close());

const valuesOf = async (tensor: Tensor): Promise<number[]> => [...(await tensor.data())];
const integers = (...values: number[]): Tensor => device.tensor(Int32Array.of(...values));

describe('poisoned memory', () => {
  it('is what fresh and freed memory holds', async () => {
    const { runtime } = device;
    for (const bytes of [16, 1040]) {
      const storage = runtime.pool.allocate(bytes);
      expect(new Float32Array(await runtime.download(storage, bytes))).toEqual(
        new Float32Array(bytes / 4).fill(POISON),
      );
      runtime.gpu.queue.writeBuffer(storage.use(), 0, new Float32Array(bytes / 4));
      storage.release();
    }
  });

  it('is never read by a step that runs again', async () => {
    const step = device.compile(({ x, y }: { x: Tensor; y: Tensor }) => ({
      z: x.matmul(y).softmax().sum(0),
      w: x.mul(y).exp().sum(),
    }));
    const input = (by: number) => ({
      data: Float32Array.from({ length: 9 }, (_, at) => by * at),
      shape: [3, 3],
    });
    for (const by of [0.1, 0.2]) {
      const { z, w } = step.run({ x: input(by), y: input(0.3) });
      expect([...(await valuesOf(z)), await w.item()].every((value) => Math.abs(value) < 100)).toBe(true);
    }
  });
});

describe('what compilers fold', () => {
  const x = (): Tensor => device.tensor([1, -2, 0]);

  it('divides by a zero that is written in the graph', async () => {
    device.tensor([111, 222, 333]).mul(2).realize().dispose();
    const quotients = [INFINITY, NEGATIVE_INFINITY, NOT_A_NUMBER];
    expect(await valuesOf(x().div(0))).toEqual(quotients);
    expect(await valuesOf(x().div(device.zeros([3])))).toEqual(quotients);
    expect(await valuesOf(x().div(device.zeros([3], 'i32').cast('f32')))).toEqual(quotients);
    expect(await valuesOf(x().div(device.arange(1).cast('f32')))).toEqual(quotients);
    expect(await valuesOf(x().div(device.zeros([0]).sum()))).toEqual(quotients);
    expect(await valuesOf(x().div(x().mul(0)))).toEqual(
      [INFINITY, INFINITY, NOT_A_NUMBER].map((v, at) => (at === 1 ? INFINITY : v)),
    );
    expect(await valuesOf(device.tensor([[1, 2, 3]]).variance(0))).toEqual([
      NOT_A_NUMBER,
      NOT_A_NUMBER,
      NOT_A_NUMBER,
    ]);
  });

  it('keeps what is not finite in differences and products', async () => {
    const y = device.tensor([INFINITY, 5]);
    expect(await valuesOf(y.sub(y))).toEqual([NOT_A_NUMBER, 0]);
    expect(await valuesOf(y.add(y.neg()))).toEqual([NOT_A_NUMBER, 0]);
    expect(await valuesOf(y.mul(device.zeros([2])))).toEqual([NOT_A_NUMBER, 0]);
    expect(await valuesOf(device.tensor([0, 1]).mul(1e30).mul(1e30))).toEqual([0, INFINITY]);
    expect(await valuesOf(device.full([2], 1e20))).toEqual([1e20, 1e20].map(Math.fround));
  });

  it('shows NaN behind attention', async () => {
    for (const sharedOut of ['queries', 'keys'] as const) {
      const query = device.tensor([1, NOT_A_NUMBER], { shape: [1, 1, 2, 1] });
      const key = device.tensor([1, 2, 3], { shape: [1, 1, 3, 1] });
      const [seen, hidden] = [1, 0].map((each) => device.full([1, 1, 2, 3], each, 'bool')) as [
        Tensor,
        Tensor,
      ];
      const [first, second] = await valuesOf(attention(query, key, key, { sharedOut, mask: seen }));
      expect(first).toBeGreaterThan(1);
      expect(second).toBeNaN();
      expect(await valuesOf(attention(query, key, key, { sharedOut, mask: hidden }))).toEqual([0, 0]);
    }
  });

  it('keeps apart constants that JSON does not', async () => {
    const zero = device.tensor([0]);
    const sums = [INFINITY, NEGATIVE_INFINITY, NOT_A_NUMBER].map((value) => zero.add(value));
    device.realize(...sums);
    expect(await Promise.all(sums.map((sum) => sum.item()))).toEqual([
      INFINITY,
      NEGATIVE_INFINITY,
      NOT_A_NUMBER,
    ]);
    const ones = device.ones([1]);
    const quotients = [ones.div(device.full([1], 0)), ones.div(device.full([1], -0))];
    device.realize(...quotients);
    expect(await Promise.all(quotients.map((each) => each.item()))).toEqual([INFINITY, NEGATIVE_INFINITY]);
  });

  it('finds the largest of many infinities', async () => {
    const lowest = device.full([5001], NEGATIVE_INFINITY);
    expect(await lowest.max().item()).toBe(NEGATIVE_INFINITY);
    expect(await lowest.neg().min().item()).toBe(INFINITY);
  });
});

describe('indices out of range', () => {
  it('are refused where the host knows them', () => {
    expect(() => device.tensor([1, 2, 3]).gather(0, integers(0, 3))).toThrow(
      'gather: index 3 at place 1 is out of range: expected 0 to 2.',
    );
    expect(() => device.zeros([3]).scatterAdd(0, integers(-1), device.ones([1]))).toThrow(
      'scatterAdd: index -1',
    );
    expect(() => embedding(device.zeros([3, 2]), integers(0, -2))).toThrow('expected 0 to 2, or -1 (none)');
    expect(() => integers(3).oneHot(3)).toThrow('oneHot: class 3');
    expect(() => crossEntropy(device.zeros([2, 3]), integers(0, -5))).toThrow(
      'crossEntropy: target -5 at place 1 is out of range: expected 0 to 2, or -100 (ignoreIndex).',
    );
    expect(() => linearCrossEntropy(device.zeros([1, 2]), device.zeros([3, 2]), integers(3))).toThrow(
      'target 3',
    );
  });

  it('are refused in the inputs of a step, each time', async () => {
    const step = device.compile(
      ({ targets }: { targets: Tensor }) => crossEntropy(device.zeros([2, 3]), targets.reshape([2])),
      {
        name: 'train',
      },
    );
    const run = (...values: number[]) =>
      step.run({ targets: { data: Int32Array.of(...values), shape: [1, 2] } });
    expect(await run(0, -100).item()).toBeCloseTo(Math.log(3));
    expect(() => run(0, -7)).toThrow(
      'train: input targets: crossEntropy: target -7 at place 1 is out of range',
    );
    expect(await run(1, 2).item()).toBeCloseTo(Math.log(3));
  });

  it('give NaN as a loss where only the GPU knows them', async () => {
    const targets = integers(1, -4, -99).sub(1);
    const losses = await valuesOf(crossEntropy(device.zeros([3, 3]), targets, { reduction: 'none' }));
    expect(losses.slice(1)).toEqual([NOT_A_NUMBER, 0]);
    const rows = linearCrossEntropy(device.zeros([3, 2]), device.zeros([5, 2]), targets, {
      reduction: 'none',
      chunkSize: 2,
    });
    expect((await valuesOf(rows)).slice(1)).toEqual([NOT_A_NUMBER, 0]);
  });
});

describe('what no tensor can be', () => {
  it('is refused before anything is allocated', () => {
    const before = device.memory();
    expect(() => device.zeros([1e9, 1e9])).toThrow(
      'zeros: [1000000000, 1000000000] would have 1000000000000000000 elements; a tensor has at most 4294967295.',
    );
    expect(() => device.zeros([1]).expand([1e9, 1e9])).toThrow('a tensor has at most');
    expect(() => device.zeros([1e5, 1]).matmul(device.zeros([1, 1e5]))).toThrow('a tensor has at most');
    expect(() => device.zeros([1]).pad(0, 1e10, 0)).toThrow('pad: [10000000001]');
    expect(() => device.zeros([-1])).toThrow('non-negative integers');
    expect(() => device.zeros([1.5])).toThrow('non-negative integers');
    expect(() => device.zeros(5 as never)).toThrow('got 5');
    expect(() => device.arange(3e9)).toThrow('arange');
    const largest = device.limits['maxBufferSize'] as number;
    const elements = 2 ** 32 - 1;
    if (4 * elements > largest)
      expect(() => device.ones([elements]).realize()).toThrow(
        `a buffer of this adapter has at most ${largest}`,
      );
    expect(device.memory()).toEqual(before);
  });

  it('is nested deeper than tensors have axes', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => device.tensor(endless as never)).toThrow('nested deeper than 64');
  });

  it('is an integer that is none', () => {
    expect(() => device.full([1], INFINITY, 'i32')).toThrow('full: Infinity is not an i32');
    expect(() => device.arange(3).add(0.5)).toThrow('add: 0.5 is not an i32');
    expect(() => device.tensor([NOT_A_NUMBER], { dtype: 'i32' })).toThrow('tensor: NaN is not an i32');
    expect(() => device.arange(3).pad(0, 1, 1, 3e9)).toThrow('pad: 3000000000 is not an i32');
  });
});

describe('notes of the driver', () => {
  it('are passed on but for those that say nothing', () => {
    const note = (kind: string): string =>
      `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n`;
    expect(withoutKnownNotes(note('Uniform') + note('Storage'))).toBe('');
    expect(withoutKnownNotes(`${note('Storage')}Error: no driver\n`)).toBe('Error: no driver\n');
  });
});
