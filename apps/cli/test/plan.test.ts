import type { RunSummary } from '@foretoken/train';
import { describe, expect, it } from 'vitest';
import { describePlan, type Plan, secondsOf } from '../src/plan/estimate.js';
import { keepRate, Rates } from '../src/plan/rates.js';

const plan = (fields: Partial<Plan> = {}): Plan => ({
  costs: [
    { runs: 2, steps: 100, parameters: 85_000, flopsPerStep: 1e9 },
    { runs: 1, steps: 50, parameters: 86_000, flopsPerStep: 2e9 },
  ],
  memory: { bytes: 2 ** 24, isMeasured: true },
  rateOf: () => 1e9,
  rateSource: 'steps that were timed',
  jobs: 1,
  ...fields,
});

describe('what is said before a long command', () => {
  it('has runs, parameters, FLOPs, memory and time', () => {
    const [first, second] = describePlan(plan());
    expect(first).toBe(
      '3 runs of 50 to 100 steps at most; 85,000 to 86,000 trained parameters; 300G training FLOPs in all.',
    );
    expect(second).toContain('about 16.0 MiB, by a step that was made');
    expect(second).toContain('about 5 min at most, an estimate by steps that were timed');
    expect(secondsOf(plan({ jobs: 2 }))).toBe(150);
  });

  it('says what it does not know', () => {
    const [, second] = describePlan(
      plan({ rateOf: () => undefined, memory: { bytes: 2 ** 20, isMeasured: false } }),
    );
    expect(second).toContain('at least 1.0 MiB (weights and optimizer; an estimate)');
    expect(second).toContain('not known on this adapter yet');
    expect(describePlan(plan({ costs: [] }))).toEqual([]);
  });
});

describe('rates of an adapter', () => {
  const memory = () => {
    const files = new Map<string, string>();
    return {
      load: (name: string) => files.get(name),
      save: (name: string, text: string) => void files.set(name, text),
      files,
    };
  };
  const run = (flops: number, seconds: number) =>
    ({ flops, steps: 10, tokens: 1000, tokensPerSecond: 1000 / seconds }) as RunSummary;

  it('are those of the run whose steps were most alike', async () => {
    const store = memory();
    await keepRate('gpu', run(1e10, 10), store);
    await keepRate('gpu', run(1e12, 100), store);
    const rates = await Rates.open('gpu', store);
    expect(rates.of(2e9)).toBeCloseTo(1e9, 0);
    expect(rates.of(5e10)).toBeCloseTo(1e10, 0);
    expect(rates.of(1e15)).toBeUndefined();
    expect((await Rates.open('another', store)).of(2e9)).toBeUndefined();
  });

  it('are forgotten where the cache is damaged', async () => {
    const store = memory();
    store.files.set('rates of gpu', '[{"flopsPerStep": null}]');
    expect((await Rates.open('gpu', store)).all).toEqual([]);
    await keepRate('gpu', run(0, 0), store);
    expect((await Rates.open('gpu', store)).all).toEqual([]);
  });
});
