import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  constant,
  fans,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  normal,
  ones,
  truncatedNormal,
  uniform,
  xavierNormal,
  xavierUniform,
  zeros,
} from '../src/index.js';

const shape = [80, 50];

function moments(initializer: Initializer): { mean: number; std: number; greatest: number } {
  const values = [...initializer(shape, new HostRandom(7))];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance), greatest: Math.max(...values.map(Math.abs)) };
}

describe('initializers', () => {
  it.each<[string, Initializer, number]>([
    ['normal', normal({ mean: 0, std: 0.3 }), 0.3],
    ['uniform', uniform(-1, 1), 1 / Math.sqrt(3)],
    ['xavierNormal', xavierNormal(2), 2 * Math.sqrt(2 / 130)],
    ['xavierUniform', xavierUniform(), Math.sqrt(2 / 130)],
    ['kaimingNormal', kaimingNormal(), Math.sqrt(2 / 50)],
    ['kaimingNormal fanOut', kaimingNormal({ mode: 'fanOut', gain: 1 }), 1 / Math.sqrt(80)],
    ['kaimingUniform', kaimingUniform(), Math.sqrt(2 / 50)],
    // Standard deviation of a Gaussian cut at two standard deviations.
    ['truncatedNormal', truncatedNormal({ std: 0.5, low: -1, high: 1 }), 0.5 * 0.87962566],
  ])('%s has mean 0 and the standard deviation of its formula', (_, initializer, std) => {
    const drawn = moments(initializer);
    // Five standard errors of 4000 draws.
    expect(Math.abs(drawn.mean)).toBeLessThan((5 * std) / Math.sqrt(4000));
    expect(drawn.std / std).toBeGreaterThan(0.94);
    expect(drawn.std / std).toBeLessThan(1.06);
  });

  it('stay within their bounds', () => {
    expect(moments(truncatedNormal({ std: 1, low: -0.5, high: 0.5 })).greatest).toBeLessThanOrEqual(0.5);
    expect(moments(xavierUniform()).greatest).toBeLessThanOrEqual(Math.sqrt(6 / 130));
  });

  it('constants', () => {
    const random = new HostRandom(0);
    expect(zeros([2, 2], random)).toEqual(Float32Array.of(0, 0, 0, 0));
    expect(ones([2], random)).toEqual(Float32Array.of(1, 1));
    expect(constant(3)([1], random)).toEqual(Float32Array.of(3));
  });

  it('draw the same values from the same seed', () => {
    const draw = (seed: number): Float32Array => normal()([5], new HostRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('fans count the receptive field, and need two axes', () => {
    expect(fans([6, 4, 3, 3])).toEqual({ fanIn: 36, fanOut: 54 });
    expect(() => fans([5])).toThrow('fan-in and fan-out need two axes');
  });

  it('truncatedNormal refuses an interval that it would never hit', () => {
    expect(() => truncatedNormal({ std: 0.1, low: 1, high: 2 })([1], new HostRandom(0))).toThrow(
      'next to nothing',
    );
  });
});
