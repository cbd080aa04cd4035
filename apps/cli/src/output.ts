import { closeSync } from 'node:fs';
import { reasonOf } from '@foretoken/input/node';
import { isOutputGone } from './errors.js';

/** Exit code of a program whose reader has left, as shells know it of SIGPIPE. */
const READER_LEFT = 141;

let worksWithoutOutput = false;

/** From here on the work is worth finishing, or at least saving, when nobody reads what is printed any more. */
export function keepWorkingWithoutOutput(): void {
  worksWithoutOutput = true;
}

let terminalIsGone = false;

/** To be called when the terminal was closed: as it ends, Node would put its settings back, and crash over it. */
export function forgetTerminal(): void {
  if (terminalIsGone) return;
  terminalIsGone = true;
  process.once('exit', () => {
    for (const stream of [0, 1, 2]) {
      try {
        closeSync(stream);
      } catch {
        // It was closed before.
      }
    }
  });
}

/** One line on standard error; standard output carries the result alone. */
export const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/**
 * Decides what happens when nobody reads any more: `recipes | head -1` ends quietly, training in a terminal that was
 * closed goes on to its checkpoint.
 */
export function guardOutput(): void {
  const noteHangUp = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EIO') forgetTerminal();
  };
  // There is nobody left to tell.
  process.stderr.on('error', noteHangUp);
  process.stdout.on('error', (error) => {
    noteHangUp(error);
    if (isOutputGone(error)) {
      if (!worksWithoutOutput) process.exit(READER_LEFT);
      return;
    }
    process.exitCode = 1;
    tell(`cannot write standard output: ${reasonOf(error)}.`);
    if (!worksWithoutOutput) process.exit(1);
  });
}

/** Waits until all that was printed has been written, or has been found to lead nowhere. */
export async function flushOutput(): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  // What failed is told in the turns after.
  await new Promise((resolve) => setImmediate(resolve));
}
