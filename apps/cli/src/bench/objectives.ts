import type { Device } from '@foretoken/tensor';
import { median } from '../statistics.js';
import { trainingIntervals } from './intervals.js';
import type { ModelOptions, StepSize } from './sizes.js';
import { TrainingStep, type Workload, workloadOf } from './training.js';

/** Updates before anything is measured, beside the one that compiles. */
const WARM_UP_STEPS = 2;

export interface Contestant {
  readonly name: string;
  readonly workload: Workload;
}

/** What one objective costs. */
export interface ObjectiveCostResult {
  readonly name: string;
  /** Median over all steps of all rounds. */
  readonly stepMs: number;
  /** Of `stepMs` of a round to that of the first contestant in the same round: median, lowest and highest. */
  readonly ratio: number;
  readonly lowestRatio: number;
  readonly highestRatio: number;
  /** Training FLOPs of a step to those of the first contestant. */
  readonly flopRatio: number;
  /** Milliseconds of every round. */
  readonly rounds: readonly number[];
}

/** Next-token prediction, which the others are compared with, and every other objective. */
export function contestantsOf(size: StepSize, seed: number, model: ModelOptions): readonly Contestant[] {
  const contestant = (
    name: string,
    objective: string,
    options: Partial<Parameters<typeof workloadOf>[2]> = {},
  ): Contestant => {
    const settings = { seed, registers: 1, layout: 'appended', model, ...options } as const;
    return { name, workload: workloadOf(objective, size, settings) };
  };
  return [
    contestant('ntp', 'ntp'),
    contestant('mtp, 3 heads', 'mtp'),
    contestant('teacherless', 'teacherless'),
    contestant('mutor, a register everywhere', 'mutor'),
    contestant('mutor, at 30% of the positions', 'mutor', { registers: 0.3 }),
    contestant('mutor, interleaved, dense mask', 'mutor', { layout: 'interleaved' }),
    contestant('mutor, interleaved, squares skipped', 'mutor', { layout: 'interleavedSkipping' }),
  ];
}

/**
 * Trains all contestants in turns, a few steps each, round after round: what else the machine does falls on all of them,
 * and each ratio is of neighbours in time.
 */
export async function benchObjectives(
  device: Device,
  contestants: readonly Contestant[],
  {
    rounds,
    steps,
    onProgress,
  }: { readonly rounds: number; readonly steps: number; readonly onProgress: (text: string) => void },
): Promise<readonly ObjectiveCostResult[]> {
  const running = contestants.map(({ workload }) => new TrainingStep(device, workload));
  try {
    for (const [at, step] of running.entries()) {
      onProgress(`${contestants[at]?.name}: first step ...`);
      await step.warmUp(step.prepare(0));
      await trainingIntervals(step, (update) => update < WARM_UP_STEPS, 0);
    }
    const times = running.map((): { medians: number[]; all: number[] } => ({ medians: [], all: [] }));
    for (let round = 0; round < rounds; round++) {
      onProgress(`round ${round + 1} of ${rounds} ...`);
      for (const [at, step] of running.entries()) {
        const intervals = await trainingIntervals(step, (update) => update < steps, 1 + round * steps);
        times[at]?.medians.push(median(intervals));
        times[at]?.all.push(...intervals);
      }
    }
    const [first] = times;
    const flops = (running[0] as TrainingStep).flops;
    return times.map(({ medians, all }, at) => {
      const ratios = medians.map((milliseconds, round) => milliseconds / (first?.medians[round] as number));
      return {
        name: (contestants[at] as Contestant).name,
        stepMs: median(all),
        ratio: median(ratios),
        lowestRatio: Math.min(...ratios),
        highestRatio: Math.max(...ratios),
        flopRatio: (running[at] as TrainingStep).flops / flops,
        rounds: medians,
      };
    });
  } finally {
    for (const step of running) step.dispose();
  }
}
