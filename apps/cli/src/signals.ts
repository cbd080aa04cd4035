import { createInterface } from 'node:readline';
import { Interrupted, type StopSignal, stopSignals } from './errors.js';
import { forgetTerminal, keepWorkingWithoutOutput, tell } from './output.js';

/**
 * Within this time the same signal is one request: the terminal sends it to the whole process group, and npm, shells and
 * `timeout` pass it on once more.
 */
const ECHO_MILLISECONDS = 1000;

/** What a command that keeps its state watches. */
export interface Interruption {
  /** Aborted by the first signal: save the state and end. */
  readonly signal: AbortSignal;
  /** Aborted by a second one, right before the process ends. */
  readonly atOnce: AbortSignal;
}

/**
 * Ctrl-C, a request to end and a closed terminal: the first lets the work save its state, and a second one ends the
 * process at once.
 */
export function watchSignals(): Interruption {
  const [first, second] = [new AbortController(), new AbortController()];
  let stoppedAt = 0;
  const stop = (signal: StopSignal): void => {
    if (signal === 'SIGHUP') forgetTerminal();
    if (!first.signal.aborted) {
      stoppedAt = performance.now();
      tell('\nStopping after a checkpoint (press Ctrl-C again to stop at once) ...');
      first.abort(new Interrupted(signal));
      return;
    }
    // A closed terminal can be told many times, and nobody is there who is in a hurry.
    if (signal === 'SIGHUP' || performance.now() - stoppedAt < ECHO_MILLISECONDS) return;
    second.abort();
    process.exit(new Interrupted(signal).exitCode);
  };
  for (const signal of stopSignals) {
    if (signal !== 'SIGHUP' || !startedByNohup()) process.on(signal, stop);
    else process.on(signal, () => {});
  }
  keepWorkingWithoutOutput();
  return { signal: first.signal, atOnce: second.signal };
}

/** Node forgets that `nohup` has asked to ignore a closed terminal; what the shell started last still tells. */
const startedByNohup = (): boolean => /(^|\/)nohup$/.test(process.env['_'] ?? '');

/** What a process of `compare --jobs` hears from the one that started it. */
export interface Orders {
  /** The first line of standard input; undefined when it ends without one. */
  readonly request: Promise<string | undefined>;
  /** Aborted by a second line, or by the end of standard input: the other process is gone. */
  readonly signal: AbortSignal;
}

/**
 * Hears a request and when to stop on standard input. The signals of the terminal are for the process that started this
 * one, which then tells it once.
 */
export function hearOrders(): Orders {
  const controller = new AbortController();
  const stop = (signal: StopSignal): void => controller.abort(new Interrupted(signal));
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', stop);
  keepWorkingWithoutOutput();
  const lines = createInterface({ input: process.stdin });
  const request = new Promise<string | undefined>((resolve) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.once('line', () => stop('SIGTERM'));
    });
    lines.once('close', () => {
      resolve(undefined);
      stop('SIGTERM');
    });
  });
  return { request, signal: controller.signal };
}
