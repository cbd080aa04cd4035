import { formatCount, formatMebibytes, formatSpan } from '../format.js';

/** What one kind of runs costs. */
export interface RunCost {
  readonly runs: number;
  /** Updates of each, at most. */
  readonly steps: number;
  /** That are trained, those of the objective among them. */
  readonly parameters: number;
  readonly flopsPerStep: number;
}

/** What a command is about to do. */
export interface Plan {
  readonly costs: readonly RunCost[];
  /** GPU memory of a run; `isMeasured` where a step was made to see it. */
  readonly memory: { readonly bytes: number; readonly isMeasured: boolean } | undefined;
  /** FLOPs a second by the FLOPs of a step; undefined where no rate is known. */
  readonly rateOf: (flopsPerStep: number) => number | undefined;
  /** Where the rate comes from: `a step that was timed`. */
  readonly rateSource: string;
  /** Runs at a time. */
  readonly jobs: number;
}

const range = (values: readonly number[], write: (value: number) => string): string => {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(write) as [string, string];
  return least === most ? least : `${least} to ${most}`;
};

/** Seconds that all updates take; undefined where no rate is known. */
export function secondsOf({ costs, rateOf, jobs }: Plan): number | undefined {
  let seconds = 0;
  for (const { runs, steps, flopsPerStep } of costs) {
    const rate = rateOf(flopsPerStep);
    if (rate === undefined) return undefined;
    seconds += (runs * steps * flopsPerStep) / rate;
  }
  return seconds / jobs;
}

/** What a command is about to do, in a few lines: runs, parameters, FLOPs, memory and time. */
export function describePlan(plan: Plan): string[] {
  const { costs, memory, jobs } = plan;
  if (costs.length === 0) return [];
  const runs = costs.reduce((sum, each) => sum + each.runs, 0);
  const flops = costs.reduce((sum, each) => sum + each.runs * each.steps * each.flopsPerStep, 0);
  const parameters = range(
    costs.map((each) => each.parameters),
    (value) => value.toLocaleString('en'),
  );
  const steps = range(
    costs.map((each) => each.steps),
    (value) => value.toLocaleString('en'),
  );
  const counted = `${runs.toLocaleString('en')} ${runs === 1 ? 'run' : 'runs'} of ${steps} steps at most`;
  const first = `${counted}; ${parameters} trained parameters; ${formatCount(flops)} training FLOPs in all.`;
  return [first, `${memoryText(memory, jobs)} ${timeText(plan)}`];
}

function memoryText(memory: Plan['memory'], jobs: number): string {
  if (memory === undefined) return 'GPU memory: not known before the first step.';
  const many = jobs > 1 ? ` each of ${jobs} processes` : '';
  return memory.isMeasured
    ? `GPU memory: about ${formatMebibytes(memory.bytes)}${many}, by a step that was made; evaluations may take more.`
    : `GPU memory: at least ${formatMebibytes(memory.bytes)}${many} (weights and optimizer; an estimate), and what a step needs.`;
}

function timeText(plan: Plan): string {
  const seconds = secondsOf(plan);
  return seconds === undefined
    ? 'Time: not known on this adapter yet; it shows after the first steps.'
    : `Time: about ${formatSpan(seconds)} at most, an estimate by ${plan.rateSource}; compilation and evaluations come on top.`;
}
