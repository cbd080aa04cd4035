import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Device } from '@foretoken/tensor';
import { type Recipe, type TrainEvent, train } from '@foretoken/train';
import { openTunedDevice } from './device.js';
import { UsageError } from './errors.js';
import type { Progress } from './progress.js';
import { runPath } from './summary.js';

/** One cell of a grid. */
export interface Cell {
  readonly objective: string;
  readonly seed: number;
}

export interface GridOptions {
  readonly recipe: Recipe;
  readonly cells: readonly Cell[];
  readonly out: string;
  readonly command: string;
  readonly commit: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Trains the cells one after the other in this process. Finished ones are skipped, interrupted ones go on. */
export async function runInOrder(options: GridOptions): Promise<void> {
  let device: Device | undefined;
  try {
    for (const [at, { objective, seed }] of options.cells.entries()) {
      device ??= await openTunedDevice();
      const { recipe, out, command, commit, progress, signal } = options;
      const folder = runPath(out, objective, seed);
      const events = train({
        device,
        recipe,
        objective,
        seed,
        folder,
        command,
        signal,
        ...(commit ? { commit } : {}),
      });
      for await (const event of events) progress.update(at, event);
    }
  } finally {
    device?.close();
  }
}

/** Trains up to `jobs` cells at a time, each in a process of its own. */
export async function runInParallel(options: GridOptions, jobs: number): Promise<void> {
  const waiting = [...options.cells.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      options.signal.throwIfAborted();
      const [at, cell] = next;
      await runInChild(options, cell, (event) => options.progress.update(at, event));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** Message to a child: all that `train` needs. */
export interface ChildRequest extends Cell {
  readonly recipe: Recipe;
  readonly folder: string;
  readonly command: string;
  readonly commit: string | undefined;
}

async function runInChild(
  options: GridOptions,
  cell: Cell,
  onEvent: (event: TrainEvent) => void,
): Promise<void> {
  const { recipe, out, command, commit, signal } = options;
  const request: ChildRequest = {
    ...cell,
    recipe,
    folder: runPath(out, cell.objective, cell.seed),
    command,
    commit,
  };
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'run-cell'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  child.stdin.end(JSON.stringify(request));
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
    throw new UsageError(`${cell.objective}, seed ${cell.seed}: ${reason}`);
  }
}
