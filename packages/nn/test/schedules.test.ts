import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  type Schedule,
  warmupStableDecaySchedule,
} from '../src/index.js';

const rates = (schedule: Schedule, steps: number): number[] =>
  Array.from({ length: steps }, (_, step) => Number(schedule(step).toFixed(6)));

describe('schedules, by hand', () => {
  it('constant, with warm-up', () => {
    expect(rates(constantSchedule({ peak: 2, warmupSteps: 4 }), 6)).toEqual([0.5, 1, 1.5, 2, 2, 2]);
    expect(rates(constantSchedule({ peak: 2 }), 2)).toEqual([2, 2]);
  });

  it('linear', () => {
    const schedule = linearSchedule({ peak: 1, warmupSteps: 2, totalSteps: 6, floor: 0.2 });
    expect(rates(schedule, 8)).toEqual([0.5, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2]);
  });

  it('cosine: half way down at half time', () => {
    const schedule = cosineSchedule({ peak: 1, totalSteps: 4 });
    expect(rates(schedule, 6)).toEqual([1, 0.853553, 0.5, 0.146447, 0, 0]);
  });

  it('warm-up, stable, decay', () => {
    const config = { peak: 1, warmupSteps: 2, totalSteps: 8, decaySteps: 4 };
    expect(rates(warmupStableDecaySchedule(config), 9)).toEqual([0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]);
    const root = warmupStableDecaySchedule({ ...config, decay: 'squareRoot' });
    expect(rates(root, 9)).toEqual([0.5, 1, 1, 1, 1, 0.5, 0.292893, 0.133975, 0]);
  });
});

describe('schedules, always', () => {
  const config = fc
    .record({
      peak: fc.double({ min: 1e-6, max: 10, noNaN: true }),
      warmupSteps: fc.nat(20),
      more: fc.integer({ min: 1, max: 50 }),
      floorShare: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ peak, warmupSteps, more, floorShare }) => ({
      peak,
      warmupSteps,
      totalSteps: warmupSteps + more,
      floor: peak * floorShare,
      decaySteps: Math.floor(more / 2),
    }));

  it.each([
    ['linear', linearSchedule],
    ['cosine', cosineSchedule],
    ['warmupStableDecay', warmupStableDecaySchedule],
  ] as const)('%s rises to the peak, never rises again, and ends at the floor', (_, make) => {
    fc.assert(
      fc.property(config, (settings) => {
        const schedule = make(settings);
        const slack = settings.peak * 1e-9;
        for (let step = 1; step <= settings.totalSteps; step++) {
          const change = schedule(step) - schedule(step - 1);
          if (step < settings.warmupSteps) expect(change).toBeGreaterThan(0);
          else expect(change).toBeLessThanOrEqual(slack);
        }
        if (settings.warmupSteps > 0)
          expect(schedule(settings.warmupSteps - 1)).toBeCloseTo(settings.peak, 9);
        expect(Math.abs(schedule(settings.totalSteps + 5) - settings.floor)).toBeLessThanOrEqual(slack);
      }),
    );
  });

  it('refuse settings that contradict each other', () => {
    expect(() => linearSchedule({ peak: 1, warmupSteps: 5, totalSteps: 4 })).toThrow(
      'warmupSteps (5) exceeds',
    );
    expect(() => cosineSchedule({ peak: 1, totalSteps: 4, floor: 2 })).toThrow('floor must lie in [0, 1]');
    expect(() => constantSchedule({ peak: -1 })).toThrow('peak must lie in');
    expect(() =>
      warmupStableDecaySchedule({ peak: 1, warmupSteps: 3, totalSteps: 5, decaySteps: 3 }),
    ).toThrow('exceed totalSteps (5)');
  });
});
