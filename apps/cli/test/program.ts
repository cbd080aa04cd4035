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

/** Runs `foretoken bench` to its end. */
export function bench(
  ...args: readonly string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, 'bench', ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
