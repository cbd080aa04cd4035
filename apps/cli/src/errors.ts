import { inspect } from 'node:util';
import { ForetokenError, InputError, printable, shorten } from '@foretoken/input';
import { reasonOf } from '@foretoken/input/node';
import { asCalled } from './called.js';

/** A command was used in a way that cannot work; the message is the whole answer. */
export class UsageError extends InputError {}

/** Numbers of the signals after which state is saved; an exit code is 128 more. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = keyof typeof SIGNALS;
export const stopSignals = Object.keys(SIGNALS) as StopSignal[];

/** Ctrl-C, a request to end, or a closed terminal. */
export class Interrupted extends Error {
  constructor(readonly signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.name = 'Interrupted';
  }

  get exitCode(): number {
    return 128 + SIGNALS[this.signal];
  }
}

/** Errors of writing to somebody who has gone: a closed pipe, a terminal that was hung up. */
const GONE = ['EPIPE', 'EIO', 'ECONNRESET', 'ENOTCONN', 'EBADF'];

export const isOutputGone = (error: unknown): boolean =>
  GONE.includes((error as NodeJS.ErrnoException).code ?? '');

/** Longer than any message that lists all that there is. */
const LONGEST = 2000;

const line = (text: string): string =>
  shorten(asCalled(printable(text.replace(/\s+/g, ' ').trim())), LONGEST);

/** What the system refused, with the path it was asked for. */
function ofSystem(error: NodeJS.ErrnoException): string {
  const reason = reasonOf(error);
  if (reason === error.message) return line(reason);
  return line(`${error.path ?? `the system refused "${error.syscall}"`}: ${reason}.`);
}

/** One line for whatever was thrown. */
export function explain(error: unknown): string {
  if (error instanceof Interrupted) return 'Stopped. The same command resumes from the checkpoint.';
  if (!(error instanceof Error)) return unexpected(String(error));
  if (error.name === 'AdapterNotFoundError')
    return line(`${error.message} "foretoken doctor" tells how to get one here.`);
  if (error instanceof ForetokenError) return line(error.message);
  if ((error as NodeJS.ErrnoException).syscall !== undefined) return ofSystem(error);
  if (error instanceof RangeError && /call stack/.test(error.message))
    return `what was handed in is nested too deeply.${HOW_TO_SEE}`;
  if (error instanceof RangeError && /allocation|length/i.test(error.message))
    return `out of memory: ${line(error.message)}. Choose smaller sizes.${HOW_TO_SEE}`;
  return unexpected(error.message || error.name);
}

/** Why the program itself cannot be loaded: a file is missing, or may not be opened beside so many others. */
export const explainLoading = (error: unknown): string =>
  `the program cannot be loaded: ${line((error as Error).message)}. Install it again, or allow more open files (ulimit -n 256).`;

const HOW_TO_SEE = ' FORETOKEN_DEBUG=1 shows where.';

const unexpected = (message: string): string =>
  `unexpected error, which is a fault of this program: ${line(message).replace(/\.$/, '')}.${HOW_TO_SEE}`;

/** Where an error came from, for those who ask: `FORETOKEN_DEBUG=1`. */
export const details = (error: unknown): string =>
  process.env['FORETOKEN_DEBUG'] ? `${inspect(error)}\n` : '';
