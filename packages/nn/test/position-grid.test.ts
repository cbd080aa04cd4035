import { grad, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  type PositionGrid,
  placeInGrid,
  RotaryEmbedding,
  type RotaryLayout,
  rotaryTables,
  rotate,
  SinusoidalPositions,
  sinusoidalTable,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import {
  expectClose,
  loadReference,
  pick,
  relativeError,
  toTensor,
  toVariable,
} from './support/reference.js';

const gpu = useDevice();
const reference = loadReference('grid');
const grid: PositionGrid = { height: 3, width: 5, before: 2 };
const maxPositions = 17;

describe('a grid of positions', () => {
  it('counts row by row, behind the tokens in front', () => {
    expect([0, 1, 2, 6, 7, 16].map((id) => placeInGrid(id, grid))).toEqual([
      undefined,
      undefined,
      { row: 0, column: 0 },
      { row: 0, column: 4 },
      { row: 1, column: 0 },
      { row: 2, column: 4 },
    ]);
    expect(placeInGrid(0, { height: 3, width: 5 })).toEqual({ row: 0, column: 0 });
  });

  it('goes on behind its end with further rows', () => {
    expect(placeInGrid(18, grid)).toEqual({ row: 3, column: 1 });
  });
});

describe.each<RotaryLayout>(['half', 'interleaved'])('rotary positions in a grid, %s', (layout) => {
  const createRotary = (): RotaryEmbedding =>
    new RotaryEmbedding(gpu.device, { headWidth: 8, maxPositions, layout, grid });

  it('rotate, and rotate gradients back, as complex numbers do', async () => {
    const rotation = createRotary().rotation(toTensor(gpu.device, pick(reference, 'positions')));
    const input = toVariable(gpu.device, pick(reference, `${layout}.input`), 'input');
    const output = rotate(input, rotation);
    await expectClose(output, pick(reference, `${layout}.expected`), 1e-6);
    const upstream = toTensor(gpu.device, pick(reference, `${layout}.upstream`));
    const [gradient] = grad(output.mul(upstream).sum(), [input]);
    await expectClose(gradient as Tensor, pick(reference, `${layout}.gradient`), 1e-6);
  });

  it('scores depend on the distance in rows and in columns alone', () => {
    const { cos, sin } = rotaryTables({ headWidth: 8, maxPositions, layout, grid });
    const head = Array.from({ length: 8 }, (_, at) => Math.sin(at + 1));
    const pairOf = (at: number): number => (layout === 'half' ? (at + 4) % 8 : at ^ 1);
    const turned = (id: number): number[] =>
      head.map(
        (value, at) =>
          value * (cos[id * 8 + at] as number) + (head[pairOf(at)] as number) * (sin[id * 8 + at] as number),
      );
    const score = (row: number, column: number, otherRow: number, otherColumn: number): number => {
      const [query, key] = [turned(2 + row * 5 + column), turned(2 + otherRow * 5 + otherColumn)];
      return query.reduce((sum, value, at) => sum + value * (key[at] as number), 0);
    };
    expect(score(2, 3, 1, 1)).toBeCloseTo(score(1, 4, 0, 2), 5);
    expect(Math.abs(score(2, 3, 1, 1) - score(2, 3, 0, 1))).toBeGreaterThan(1e-3);
    expect(Math.abs(score(2, 3, 1, 1) - score(2, 3, 1, 2))).toBeGreaterThan(1e-3);
  });
});

describe('tokens in front of a grid', () => {
  it('are not turned', () => {
    const { cos, sin } = rotaryTables({ headWidth: 8, maxPositions, grid });
    expect([...cos.subarray(0, 16)]).toEqual(Array(16).fill(1));
    expect([...sin.subarray(0, 16)].every((value) => value === 0)).toBe(true);
  });
});

describe('sinusoidal positions in a grid', () => {
  it('equal those of masked autoencoders', async () => {
    const { data } = pick(reference, 'sinusoidal');
    expect(relativeError(sinusoidalTable({ width: 12, maxPositions, grid }), data)).toBeLessThan(1e-6);
    const positions = new SinusoidalPositions(gpu.device, { width: 12, maxPositions, grid });
    const ids = gpu.device.tensor(Int32Array.of(16, 0), { shape: [1, 2] });
    const expected = [...data.slice(16 * 12), ...data.slice(0, 12)] as number[];
    expect(relativeError(await positions.forward(ids).data(), expected)).toBeLessThan(1e-6);
  });
});

describe('a grid that does not fit', () => {
  it.each([
    [{ headWidth: 6, maxPositions, grid }, 'headWidth must be a multiple of 4 with a grid, got 6'],
    [
      { headWidth: 8, maxPositions: 16, grid },
      'a grid of 3 x 5 behind 2 tokens needs 17 positions, maxPositions is 16',
    ],
    [{ headWidth: 8, maxPositions, grid: { ...grid, before: -1 } }, 'grid.before must be a whole number'],
    [{ headWidth: 8, maxPositions, grid: { ...grid, width: 0 } }, 'grid.width'],
  ])('is refused', (config, message) => {
    expect(() => new RotaryEmbedding(gpu.device, config)).toThrow(message);
  });

  it('is refused of sinusoidal positions too', () => {
    expect(() => new SinusoidalPositions(gpu.device, { width: 6, maxPositions, grid })).toThrow(
      'width must be a multiple of 4 with a grid, got 6',
    );
  });
});
