import type { CompiledStep, Device, HostInput, KernelTime, StepInputs } from '@foretoken/tensor';
import { median } from '../statistics.js';

/** Time of one kernel or step over its repeats. */
export interface Timing {
  readonly bestMicroseconds: number;
  readonly medianMicroseconds: number;
  /** Each repeat. */
  readonly microseconds: readonly number[];
  /** The variant of the kernel that took most of the time. */
  readonly variant: string;
  /** Whether the GPU's own clock was read; wall time over many runs otherwise. */
  readonly timestamps: boolean;
}

type Inputs<Traced extends StepInputs> = { readonly [Name in keyof Traced]: HostInput };

/** How long a kernel is timed unless the caller says. */
const BUDGET_MILLISECONDS = 500;
const LEAST_REPEATS = 5;
const MOST_REPEATS = 200;
/** Runs of one repeat where the wall clock is all there is. */
const RUNS_PER_REPEAT = 20;

const microsecondsOf = (kernels: readonly KernelTime[]): number =>
  kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);

/** Times all kernels of a step, for about `budget` milliseconds after a first run that compiles them. */
export async function timeStep<Traced extends StepInputs>(
  device: Device,
  step: CompiledStep<Traced, unknown>,
  inputs: Inputs<Traced>,
  budget = BUDGET_MILLISECONDS,
): Promise<Timing> {
  await step.warmUp(inputs);
  return device.features.has('timestamp-query')
    ? timeByTimestamps(step, inputs, budget)
    : timeByWall(device, step, inputs, budget);
}

/** Whether another repeat fits. */
const goesOn = (repeats: number, start: number, budget: number): boolean =>
  repeats < LEAST_REPEATS || (repeats < MOST_REPEATS && performance.now() - start < budget);

async function timeByTimestamps<Traced extends StepInputs>(
  step: CompiledStep<Traced, unknown>,
  inputs: Inputs<Traced>,
  budget: number,
): Promise<Timing> {
  const { kernels } = await step.profile(inputs);
  const slowest = kernels.reduce<KernelTime | undefined>(
    (most, kernel) => (most === undefined || kernel.microseconds > most.microseconds ? kernel : most),
    undefined,
  );
  const times: number[] = [];
  for (const start = performance.now(); goesOn(times.length, start, budget); ) {
    times.push(microsecondsOf((await step.profile(inputs)).kernels));
  }
  return summarize(times, slowest?.variant ?? slowest?.name ?? 'none', true);
}

async function timeByWall<Traced extends StepInputs>(
  device: Device,
  step: CompiledStep<Traced, unknown>,
  inputs: Inputs<Traced>,
  budget: number,
): Promise<Timing> {
  const runMany = async (runs: number): Promise<number> => {
    const start = performance.now();
    // The results of a scope are freed at its end, so that repeats take no more memory than one run.
    for (let run = 0; run < runs; run++) device.scope(() => void step.run(inputs));
    await device.sync();
    return (1000 * (performance.now() - start)) / runs;
  };
  await runMany(1);
  const times: number[] = [];
  for (const start = performance.now(); goesOn(times.length, start, budget); )
    times.push(await runMany(RUNS_PER_REPEAT));
  return summarize(times, step.name, false);
}

const summarize = (times: readonly number[], variant: string, timestamps: boolean): Timing => ({
  bestMicroseconds: Math.min(...times),
  medianMicroseconds: median(times),
  microseconds: times,
  variant,
  timestamps,
});
