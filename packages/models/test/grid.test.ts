import { describe, expect, it } from 'vitest';
import { llamaConfig, type Transformer, type TransformerConfig } from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel } from './support/models.js';
import { relativeError } from './support/reference.js';

const gpu = useDevice();
const grid = { height: 4, width: 3, before: 1 };

const configOf = (positions: TransformerConfig['positions']): TransformerConfig =>
  llamaConfig({
    vocabularySize: 7,
    width: 16,
    layers: 2,
    heads: 2,
    mlpWidth: 16,
    maxPositions: 13,
    positions,
    grid,
    initialization: { embedding: 0.5, input: 0.3, residual: 0.5, output: 0.5 },
  });

/** Hidden states of four tokens at these position ids, all of which see each other. */
async function hiddenAt(model: Transformer, ids: readonly number[]): Promise<number[]> {
  const { device } = model;
  const hidden = model.trunk({
    tokens: device.tensor(Int32Array.of(1, 2, 3, 4), { shape: [1, 4] }),
    positions: device.tensor(Int32Array.from(ids), { shape: [1, 4] }),
    mask: device.tensor(Uint8Array.of(1), { shape: [1, 1, 1, 1], dtype: 'bool' }),
  });
  return Array.from(await hidden.data());
}

/** Position ids of (row, column). */
const at = (row: number, column: number): number => 1 + row * 3 + column;

describe('a transformer over a grid', () => {
  it('with rotary2d positions, sees the distances in rows and columns and nothing else', async () => {
    const model = createModel(gpu.device, configOf('rotary2d'));
    const here = await hiddenAt(model, [at(0, 0), at(0, 1), at(1, 0), at(2, 1)]);
    const moved = await hiddenAt(model, [at(1, 1), at(1, 2), at(2, 1), at(3, 2)]);
    const other = await hiddenAt(model, [at(0, 0), at(0, 1), at(1, 0), at(1, 2)]);
    expect(relativeError(moved, here)).toBeLessThan(1e-5);
    expect(relativeError(other, here)).toBeGreaterThan(1e-3);
    expect(model.positions).toBeUndefined();
  });

  it('with sinusoidal2d positions, adds fixed vectors of row and column', async () => {
    const model = createModel(gpu.device, configOf('sinusoidal2d'));
    expect([...model.parameters().keys()].filter((name) => name.startsWith('positions'))).toEqual([]);
    const here = await hiddenAt(model, [at(0, 0), at(0, 1), at(1, 0), at(2, 1)]);
    const moved = await hiddenAt(model, [at(1, 1), at(1, 2), at(2, 1), at(3, 2)]);
    expect(relativeError(moved, here)).toBeGreaterThan(1e-3);
  });

  it.each([
    [{ positions: 'rotary2d', grid: undefined }, 'rotary2d positions need a grid'],
    [{ positions: 'sinusoidal2d', grid: undefined }, 'sinusoidal2d positions need a grid'],
    [{ positions: 'rotary2d', headWidth: 6 }, 'a headWidth that is a multiple of 4, got 6'],
    [{ maxPositions: 12 }, 'a grid of 4 x 3 behind 1 tokens needs 13 positions, got 12'],
  ] as const)('refuses %j', (overrides, message) => {
    expect(() => llamaConfig({ ...configOf('rotary'), ...overrides })).toThrow(message);
  });
});
