import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isJsonObject } from '@foretoken/input';
import type { Device } from '@foretoken/tensor';
import type { PlannedRun, Study, TrainEvent } from '@foretoken/train';
import type { ComparisonKind } from './comparison/kind.js';
import { performRun, type RunRequest } from './comparison/run.js';
import { UsageError } from './errors.js';
import { runLabel } from './run-label.js';
import type { Interruption } from './signals.js';

export interface GridOptions {
  readonly runs: readonly PlannedRun[];
  readonly kind: ComparisonKind;
  readonly settings: Study['measure'];
  readonly out: string;
  readonly command: string;
  readonly commit: string | undefined;
  /** Is told what happens in run number `at`. */
  readonly onEvent: (at: number, event: TrainEvent) => void;
  readonly interruption: Interruption;
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
  const { runs, kind, onEvent } = options;
  const { signal } = options.interruption;
  for (const [at, run] of runs.entries()) {
    await performRun(await openDevice(), kind, requestFor(options, run), {
      signal,
      onEvent: (event) => onEvent(at, event),
    });
  }
}

/**
 * Makes up to `jobs` runs at a time, each in a process of its own. When one fails, the others save their state; all have
 * ended when this does.
 */
export async function runInParallel(options: GridOptions, jobs: number): Promise<void> {
  const failure = new AbortController();
  const stop = AbortSignal.any([options.interruption.signal, failure.signal]);
  const waiting = [...options.runs.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !stop.aborted; next = waiting.shift()) {
      const [at, run] = next;
      try {
        await runInChild(options, run, stop, (event) => options.onEvent(at, event));
      } catch (error) {
        // What the others end with afterwards is of no interest.
        failure.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, options.runs.length) }, worker));
  stop.throwIfAborted();
}

/** Characters of what a process says on standard error that are kept: the end tells why it failed. */
const KEPT_COMPLAINT = 10_000;

/** How a process ended: with a status, or by a signal. */
interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Why a run failed, as its process said last, or as the system says where it was killed. */
export function describeEnding({ status, signal }: Ending, complaint: string): string {
  if (signal !== null)
    return `its process was killed by ${signal}${signal === 'SIGKILL' ? ', which a machine does that is out of memory' : ''}. The same command resumes from the checkpoint.`;
  return complaint.trim().split('\n').at(-1) || `its process ended with status ${status}`;
}

/** What a line of a process tells; undefined for half a line of one that was killed, and for what drivers print. */
export function eventOfLine(line: string): TrainEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) && 'type' in value ? (value as unknown as TrainEvent) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes a run in a process of its own. It leaves Ctrl-C to this one and is told once to stop, by a line on its standard
 * input; if this process dies, that input ends, which tells it the same.
 */
async function runInChild(
  options: GridOptions,
  run: PlannedRun,
  stop: AbortSignal,
  onEvent: (event: TrainEvent) => void,
): Promise<void> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'run-cell'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
  // A process that ends early does not read to the end; how it ended is told below.
  child.stdin.on('error', () => {});
  const tellToStop = (): void => void child.stdin.write('stop\n');
  const kill = (): void => void child.kill('SIGKILL');
  stop.addEventListener('abort', tellToStop);
  options.interruption.atOnce.addEventListener('abort', kill);
  child.stdin.write(`${JSON.stringify(requestFor(options, run))}\n`);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(-KEPT_COMPLAINT);
  });
  try {
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const event = eventOfLine(line);
      if (event !== undefined) onEvent(event);
    });
    const ending = await ended;
    if (ending.status === 0 || stop.aborted) return;
    throw new UsageError(`${runLabel(run)}: ${describeEnding(ending, complaint)}`);
  } finally {
    stop.removeEventListener('abort', tellToStop);
    options.interruption.atOnce.removeEventListener('abort', kill);
  }
}
