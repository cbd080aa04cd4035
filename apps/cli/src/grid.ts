import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Device } from '@foretoken/tensor';
import type { PlannedRun, Study, TrainEvent } from '@foretoken/train';
import type { ComparisonKind } from './comparison/kind.js';
import { performRun, type RunRequest } from './comparison/run.js';
import { UsageError } from './errors.js';

export interface GridOptions {
  readonly runs: readonly PlannedRun[];
  readonly kind: ComparisonKind;
  readonly settings: Study['measure'];
  readonly out: string;
  readonly command: string;
  readonly commit: string | undefined;
  /** Is told what happens in run number `at`. */
  readonly onEvent: (at: number, event: TrainEvent) => void;
  readonly signal: AbortSignal;
}

const requestFor = ({ out, settings, command, commit }: GridOptions, run: PlannedRun): RunRequest => ({
  run,
  out,
  settings,
  command,
  commit,
});

/** Makes the runs one after the other in this process. Finished ones are skipped, interrupted ones go on. */
export async function runInOrder(options: GridOptions, openDevice: () => Promise<Device>): Promise<void> {
  const { runs, kind, onEvent, signal } = options;
  for (const [at, run] of runs.entries()) {
    await performRun(await openDevice(), kind, requestFor(options, run), {
      signal,
      onEvent: (event) => onEvent(at, event),
    });
  }
}

/** Makes up to `jobs` runs at a time, each in a process of its own. */
export async function runInParallel(options: GridOptions, jobs: number): Promise<void> {
  const waiting = [...options.runs.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      options.signal.throwIfAborted();
      const [at, run] = next;
      await runInChild(options, run, (event) => options.onEvent(at, event));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** What a run is called in progress and errors. */
export const runLabel = ({ dataset, variant, recipe, seed, budgets }: PlannedRun): string => {
  const steps = budgets.includes('steps') ? '' : ` ${recipe.steps} steps`;
  return `${dataset === '' ? '' : `${dataset} `}${variant}${steps} seed ${seed}`;
};

async function runInChild(
  options: GridOptions,
  run: PlannedRun,
  onEvent: (event: TrainEvent) => void,
): Promise<void> {
  const { signal } = options;
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'run-cell'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  child.stdin.end(JSON.stringify(requestFor(options, run)));
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  for await (const line of createInterface({ input: child.stdout })) onEvent(JSON.parse(line) as TrainEvent);
  const status = await new Promise<number | null>((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.on('exit', resolve);
  });
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (status !== 0) {
    const reason = complaint.trim().split('\n').at(-1) || `status ${status}`;
    throw new UsageError(`${runLabel(run)}: ${reason}`);
  }
}
