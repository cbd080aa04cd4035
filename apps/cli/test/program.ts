import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Whether there is a program to run. */
export const built = existsSync(main);

/** A size that takes milliseconds a step. */
export const TINY = { layers: 1, width: 16, heads: 2, vocab: 16, context: 16, batch: 2 };

export const TINY_FLAGS: readonly string[] = Object.entries(TINY).flatMap(([field, value]) => [
  `--${field}`,
  String(value),
]);

/** How a program ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `foretoken` to its end, with this on standard input. */
export function foretoken(args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(input);
  });
}

/** Runs `foretoken bench` to its end. */
export const bench = (...args: readonly string[]): Promise<Ended> => foretoken(['bench', ...args]);
