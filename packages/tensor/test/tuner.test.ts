import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { attention, type Device, grad, type HostArray, openDevice, type Variable } from '../src/index.js';
import { VERSION } from '../src/version.js';
import { drawVariable, worstDifference } from './support/draw.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ tuning: { budgetMilliseconds: 0 } });
});
afterAll(() => device.close());

const products = [
  { shapeA: [70, 68], shapeB: [68, 100], flags: {} },
  { shapeA: [70, 68], shapeB: [100, 68], flags: { transposeB: true } },
  { shapeA: [68, 72], shapeB: [68, 100], flags: { transposeA: true } },
  { shapeA: [70, 67], shapeB: [67, 99], flags: {} },
] as const;

describe('tuning', () => {
  it('is of this version', () => {
    expect(VERSION).toBe(manifest.version);
  });

  it.each(products)('every way of $flags gives the same bits', async ({ shapeA, shapeB, flags }) => {
    const [a, b] = [drawVariable(device, shapeA, 1), drawVariable(device, shapeB, 2)];
    const expected = await a.matmul(b, flags).data();
    const question = device.tuner.choices.open().at(-1);
    if (question === undefined) return;
    const { choices } = device.tuner;
    for (const { key, candidates } of choices.open()) {
      for (const candidate of candidates) {
        choices.answer(key, candidate);
        // On a GPU the ways may sum in another order.
        const difference = worstDifference(await a.matmul(b, flags).data(), expected);
        expect(difference, candidate).toBeLessThanOrEqual(device.info.software ? 0 : 1e-5);
      }
    }
  });

  it('every way of attention gives the same values and gradients', async () => {
    const own = await openDevice({ tuning: { budgetMilliseconds: 0 } });
    const [query, key, value] = [1, 2, 3].map((seed) => drawVariable(own, [2, 2, 50, 32], seed));
    const time = own.arange(50);
    const mask = time.reshape([1, 1, 1, 50]).le(time.reshape([1, 1, 50, 1]));
    const inputs = [query, key, value] as [Variable, Variable, Variable];
    const compute = (): Promise<HostArray[]> => {
      const result = attention(...inputs, { mask });
      return Promise.all([result, ...grad(result.square().sum(), inputs)].map((each) => each.data()));
    };
    const expected = await compute();
    const { choices } = own.tuner;
    const questions = choices.open().filter((question) => question.key.startsWith('attention'));
    expect(questions.length).toBe(own.info.software ? 3 : 0);
    for (const { key: name, candidates } of questions) {
      expect(candidates.length).toBeGreaterThan(1);
      for (const candidate of candidates) {
        choices.answer(name, candidate);
        for (const [at, values] of (await compute()).entries())
          expect(worstDifference(values, expected[at] as HostArray), `${name} ${candidate}`).toBeLessThan(
            1e-5,
          );
      }
    }
    own.close();
  });

  it('measures products and attention', async () => {
    const own = await openDevice({ tuning: { budgetMilliseconds: 0 } });
    const variable = drawVariable(own, [1, 2, 40, 32], 1);
    const result = attention(variable, variable, variable);
    await grad(result.sum(), [variable])[0]?.data();
    await drawVariable(own, [64, 64], 1)
      .matmul(drawVariable(own, [64, 64], 2))
      .data();
    const { measured, left } = await own.tuner.tune({ budgetMilliseconds: 60_000, thorough: true });
    expect(left).toBe(0);
    if (own.info.software) expect(measured.some(({ key }) => key.startsWith('attention result'))).toBe(true);
    for (const { milliseconds } of measured) {
      for (const time of Object.values(milliseconds)) expect(time).toBeGreaterThan(0);
    }
    own.close();
  });

  it('measures what is asked, within its budget, and keeps to what it found', async () => {
    const own = await openDevice({ tuning: { budgetMilliseconds: 0 } });
    const [a, b] = [drawVariable(own, [64, 96], 1), drawVariable(own, [96, 64], 2)];
    const before = await a.matmul(b).data();
    const asked = own.tuner.choices.open().length;
    expect(await own.tuner.tune({ budgetMilliseconds: 0 })).toEqual({ measured: [], left: asked });
    const { measured, left } = await own.tuner.tune({ budgetMilliseconds: 60_000, thorough: true });
    expect(measured.length + left).toBe(asked);
    for (const { key, chosen, milliseconds } of measured) {
      expect(own.tuner.choices.answers()[key]).toBe(chosen);
      expect(Object.keys(milliseconds)).toContain(chosen);
    }
    expect(own.tuner.choices.open()).toEqual([]);
    expect(await a.matmul(b).data()).toEqual(before);
    own.close();
  });

  it('takes the choices of another run', async () => {
    const [question] = device.tuner.choices.open();
    const { key = '', candidates = [] } = question ?? {};
    if (candidates.length === 0) return;
    const other = await openDevice({ tuning: { choices: { [key]: candidates[0] as string } } });
    expect(other.tuner.choices.answers()).toEqual({ [key]: candidates[0] });
    other.close();
  });
});
