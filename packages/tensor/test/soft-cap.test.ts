import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crossEntropy, type Device, linearCrossEntropy, openDevice, softCap } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('softCap', () => {
  it('is cap tanh(x / cap), near the identity at 0 and bounded far from it', async () => {
    const values = [0, 0.001, -1, 4, 1e4, -1e30];
    const capped = await softCap(device.tensor(values), 2).data();
    for (const [at, value] of values.entries()) expect(capped[at]).toBeCloseTo(2 * Math.tanh(value / 2), 6);
  });

  it('refuses a cap that is none', () => {
    expect(() => softCap(device.tensor([1]), 0)).toThrow('softCap: expected a cap above 0, got 0.');
  });
});

describe('linearCrossEntropy with a soft cap', () => {
  const [rows, width, vocabulary] = [5, 6, 23];
  const hidden = Float32Array.from({ length: rows * width }, (_, at) => 3 * Math.sin(at + 1));
  const weight = Float32Array.from({ length: vocabulary * width }, (_, at) => Math.cos(3 * at));
  const targets = Int32Array.of(0, 22, -100, 7, 8);

  it.each([
    { chunkSize: 64, labelSmoothing: 0 },
    { chunkSize: 8, labelSmoothing: 0 },
    { chunkSize: 8, labelSmoothing: 0.1 },
  ])('has the loss and the gradients of capped logits, %o', async (options) => {
    const make = () => ({
      h: device.variable(hidden, { shape: [rows, width] }),
      w: device.variable(weight, { shape: [vocabulary, width] }),
    });
    const [chunked, whole] = [make(), make()];
    const loss = linearCrossEntropy(chunked.h, chunked.w, device.tensor(targets), { ...options, softCap: 4 });
    const logits = softCap(whole.h.matmul(whole.w, { transposeB: true }), 4);
    const expected = crossEntropy(logits, device.tensor(targets), options);
    loss.backward();
    expected.backward();
    expect(await loss.item()).toBeCloseTo(await expected.item(), 6);
    for (const name of ['h', 'w'] as const) {
      const [got, wanted] = [await chunked[name].grad?.data(), await whole[name].grad?.data()];
      expect(got?.length).toBe(wanted?.length);
      for (const [at, value] of (wanted ?? []).entries()) expect(got?.[at]).toBeCloseTo(value, 6);
    }
  });
});

describe('loadPart', () => {
  it('replaces values from a place on, and refuses what does not fit', async () => {
    const variable = device.variable(Float32Array.of(1, 2, 3, 4), { name: 'w' });
    variable.loadPart(Float32Array.of(8, 9), 1);
    expect([...(await variable.data())]).toEqual([1, 8, 9, 4]);
    expect(() => variable.loadPart(Float32Array.of(1, 2), 3)).toThrow(
      'variable w has 4 values, got 2 to put at 3',
    );
    expect(() => variable.loadPart(Int32Array.of(1), 0)).toThrow('only f32 loads in parts');
  });
});
