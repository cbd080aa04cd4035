import type { Device } from '@foretoken/tensor';
import { type PlannedRun, Session } from '@foretoken/train';
import { type CellCosts, cellName, costsOfRuns } from '../comparison/prepare.js';
import type { Plan, RunCost } from './estimate.js';
import { type Timed, timeSteps } from './measure.js';
import { Rates } from './rates.js';

export interface PlanOptions {
  readonly jobs: number;
  readonly openDevice: () => Promise<Device>;
  /** Whether a step is made even where a rate of this adapter is known: it also shows the memory. */
  readonly always: boolean;
}

/** What some runs of a study cost together, and how long they take on this adapter. */
export async function planOf(
  runs: readonly PlannedRun[],
  known: CellCosts,
  { jobs, openDevice, always }: PlanOptions,
): Promise<Plan> {
  const costs = await costsOfRuns(runs, known, openDevice);
  const device = await openDevice();
  const each = runs.map((run) => ({ run, ...(costs.get(cellName(run.dataset, run.variant)) as Cell) }));
  const largest = each.reduce((most, cell) => (cell.flopsPerStep > most.flopsPerStep ? cell : most));
  const rates = await Rates.open(device.info.name);
  const isKnown = each.every(({ flopsPerStep }) => rates.of(flopsPerStep) !== undefined);
  const timed = always || !isKnown ? await timedRun(device, largest.run) : undefined;
  const held = each.reduce((most, { heldBytes }) => Math.max(most, heldBytes), 0);
  return {
    costs: each.map(
      ({ run, parameters, flopsPerStep }): RunCost => ({
        runs: 1,
        steps: run.recipe.steps ?? 0,
        parameters,
        flopsPerStep,
      }),
    ),
    memory:
      timed === undefined ? { bytes: held, isMeasured: false } : { bytes: timed.peakBytes, isMeasured: true },
    ...ratesOf(rates, timed),
    jobs,
  };
}

type Cell = CellCosts extends ReadonlyMap<string, infer Value> ? Value : never;

async function timedRun(device: Device, { recipe, objective, seed }: PlannedRun): Promise<Timed | undefined> {
  const session = await Session.create(device, recipe, objective, seed);
  try {
    return await timeSteps(session);
  } finally {
    session.dispose();
  }
}

/** Where the seconds of a plan come from: runs on this adapter, else steps that were timed. */
export function ratesOf(rates: Rates, timed: Timed | undefined): Pick<Plan, 'rateOf' | 'rateSource'> {
  if (timed === undefined)
    return { rateOf: (flops) => rates.of(flops), rateSource: 'runs on this adapter before' };
  return { rateOf: () => timed.flopsPerSecond, rateSource: 'steps that were timed' };
}
