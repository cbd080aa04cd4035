// What every contestant does the same: read the problem, take steps, time them, print one line of JSON.
import { parseArgs } from 'node:util';
import { readProblem } from './problem.mjs';

/** Steps that are not timed: the first compiles, the second fills caches and pools. */
export const WARM_UP = 2;

const { values } = parseArgs({
  options: {
    problem: { type: 'string' },
    updates: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '0' },
    backend: { type: 'string' },
    parked: { type: 'boolean', default: false },
    threads: { type: 'string' },
  },
});
if (values.problem === undefined) {
  console.error('--problem FILE is missing. Contestants are started by compare.mjs.');
  process.exit(1);
}

export const options = {
  ...values,
  updates: Number(values.updates),
  seconds: Number(values.seconds),
  threads: values.threads === undefined ? undefined : Number(values.threads),
};

/**
 * Measures one contestant.
 *
 * @param describe - name, version, backend
 * @param open - from the problem to `{ step, report }`: `step()` makes one update and resolves to the loss before it,
 *   read back to the host; `report()` gives more to print
 */
export async function contest(describe, open) {
  const problem = readProblem(options.problem);
  const { step, report = () => ({}) } = await open(problem);
  // performance.now() counts from the start of the process: imports, device and loading are all in here.
  const setupMs = performance.now();
  const losses = [];
  const stepMs = [];
  let timedFrom = 0;
  let cpuFrom = process.cpuUsage();
  const timedSeconds = () => (stepMs.length > WARM_UP ? (performance.now() - timedFrom) / 1000 : 0);
  while (losses.length <= options.updates || timedSeconds() < options.seconds) {
    if (losses.length === WARM_UP) {
      timedFrom = performance.now();
      cpuFrom = process.cpuUsage();
    }
    const from = performance.now();
    losses.push(await step());
    stepMs.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(cpuFrom);
  const line = {
    ...describe,
    size: problem.size,
    losses: losses.slice(0, options.updates + 1),
    setupMs,
    firstStepMs: stepMs[0],
    stepMs: stepMs.slice(WARM_UP),
    cpuSecondsPerStep: (user + system) / 1e6 / (stepMs.length - WARM_UP),
    ...report(),
  };
  // Dawn keeps the event loop alive, so the process is ended once the line is out.
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit(0));
}
