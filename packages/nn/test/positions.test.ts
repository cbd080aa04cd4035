import { grad, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  RotaryEmbedding,
  type RotaryLayout,
  rotate,
  SinusoidalPositions,
  sinusoidalTable,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { expectClose, loadReference, pick, toTensor, toVariable } from './support/reference.js';

const gpu = useDevice();
const reference = loadReference('layers');

describe.each<RotaryLayout>(['half', 'interleaved'])('rotary positions, %s', (layout) => {
  const createRotary = (): RotaryEmbedding =>
    new RotaryEmbedding(gpu.device, { headWidth: 8, maxPositions: 1000, layout });

  it('rotate, and rotate gradients back, as complex numbers do', async () => {
    const rotation = createRotary().rotation(toTensor(gpu.device, pick(reference, 'positions')));
    const input = toVariable(gpu.device, pick(reference, `rotary.${layout}.input`), 'input');
    const output = rotate(input, rotation);
    await expectClose(output, pick(reference, `rotary.${layout}.expected`), 1e-6);
    const upstream = toTensor(gpu.device, pick(reference, `rotary.${layout}.upstream`));
    const [gradient] = grad(output.mul(upstream).sum(), [input]);
    await expectClose(gradient as Tensor, pick(reference, `rotary.${layout}.gradient.input`), 1e-6);
  });

  it('scores depend on the distance alone', async () => {
    const rotary = createRotary();
    const at = (position: number, seed: number): Tensor => {
      const head = gpu.device.tensor(Float32Array.from({ length: 8 }, (_, place) => Math.sin(seed + place)));
      const positions = gpu.device.tensor(Int32Array.of(position), { shape: [1, 1] });
      return rotate(head.reshape([1, 1, 1, 8]), rotary.rotation(positions));
    };
    const score = (query: number, key: number): Promise<number> => at(query, 1).mul(at(key, 5)).sum().item();
    expect(await score(7, 3)).toBeCloseTo(await score(904, 900), 4);
    expect(Math.abs((await score(7, 3)) - (await score(7, 4)))).toBeGreaterThan(1e-3);
  });

  it('has no parameters, and refuses an odd width', () => {
    expect(createRotary().parameters().size).toBe(0);
    expect(() => new RotaryEmbedding(gpu.device, { headWidth: 5, maxPositions: 4 })).toThrow(
      'must be even, got 5',
    );
  });
});

describe('sinusoidal positions', () => {
  it('follow the formula', () => {
    const table = sinusoidalTable({ width: 4, maxPositions: 3 });
    const expected = [2, 2].map((position, pair) => position / 10000 ** (pair / 2));
    expect(table[8]).toBeCloseTo(Math.sin(expected[0] as number), 6);
    expect(table[9]).toBeCloseTo(Math.cos(expected[0] as number), 6);
    expect(table[10]).toBeCloseTo(Math.sin(expected[1] as number), 6);
    expect(table[11]).toBeCloseTo(Math.cos(expected[1] as number), 6);
  });

  it('are looked up by id', async () => {
    const positions = new SinusoidalPositions(gpu.device, { width: 4, maxPositions: 3 });
    const ids = gpu.device.tensor(Int32Array.of(2, 0), { shape: [1, 2] });
    const table = sinusoidalTable({ width: 4, maxPositions: 3 });
    expect(await positions.forward(ids).data()).toEqual(
      Float32Array.of(...table.slice(8), ...table.slice(0, 4)),
    );
    expect(positions.parameters().size).toBe(0);
  });
});
