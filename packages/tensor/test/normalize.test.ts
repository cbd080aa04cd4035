import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, grad, openDevice, type Tensor } from '../src/index.js';
import { drawVariable, worstDifference } from './support/draw.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** By definition, of ordinary operations. */
function composed(kind: 'layerNorm' | 'rmsNorm', rows: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const centred = kind === 'layerNorm' ? rows.sub(rows.mean(-1, { keepDims: true })) : rows;
  const scaled = centred.div(centred.square().mean(-1, { keepDims: true }).add(1e-5).sqrt()).mul(weight);
  return kind === 'layerNorm' ? scaled.add(bias) : scaled;
}
const fused = (kind: 'layerNorm' | 'rmsNorm', rows: Tensor, weight: Tensor, bias: Tensor): Tensor =>
  kind === 'layerNorm' ? rows.layerNorm(weight, bias, 1e-5) : rows.rmsNorm(weight, 1e-5);

const expectNear = async (actual: Tensor, expected: Tensor, tolerance: number): Promise<void> => {
  expect(worstDifference(await actual.data(), await expected.data())).toBeLessThan(tolerance);
};

describe.each(['layerNorm', 'rmsNorm'] as const)('%s', (kind) => {
  // Rows of one vector, of several registers a lane, that end within one, that no vector divides, and too long for registers.
  it.each([4, 36, 128, 30, 7, 516, 3000])(
    'of width %i agrees with its definition, and so do its gradients',
    async (width) => {
      const [rows, weight] = [drawVariable(device, [5, width], 0), drawVariable(device, [width], 1)];
      const [bias, weights] = [drawVariable(device, [width], 2), drawVariable(device, [5, width], 3)];
      const wanted = kind === 'layerNorm' ? [rows, weight, bias] : [rows, weight];
      const [actual, expected] = [fused, composed].map((norm) => {
        const result = norm(kind, rows, weight, bias);
        return [result, ...grad(result.mul(weights).sum(), wanted)];
      }) as [Tensor[], Tensor[]];
      for (const [at, tensor] of actual.entries()) await expectNear(tensor, expected[at] as Tensor, 2e-5);
    },
  );

  it('can be differentiated twice', async () => {
    const [rows, weight] = [drawVariable(device, [3, 12], 0), drawVariable(device, [12], 1)];
    const bias = drawVariable(device, [12], 2);
    const [actual, expected] = [fused, composed].map((norm) => {
      const first = grad(norm(kind, rows, weight, bias).square().mul(rows).sum(), [rows, weight]);
      const penalty = (first[0] as Tensor)
        .square()
        .sum()
        .add((first[1] as Tensor).square().sum());
      return grad(penalty, [rows, weight]);
    }) as [[Tensor, Tensor], [Tensor, Tensor]];
    for (const [at, tensor] of actual.entries()) {
      const values = await (expected[at] as Tensor).data();
      const scale = Math.max(...Array.from(values, Math.abs));
      await expectNear(tensor, expected[at] as Tensor, 2e-5 * scale);
    }
  });
});
