// Child processes of the set-up. Whatever they say goes to standard error, so that standard output stays clean.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const say = (message) => process.stderr.write(`${message}\n`);

/** Ends the process with one line. */
export function fail(message) {
  say(message);
  process.exit(1);
}

/** Runs a command and gives its exit status; 130 after Ctrl-C. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  return result.signal === 'SIGINT' ? 130 : (result.status ?? 1);
}

/** Hands the terminal to a Node program and exits as it does. */
export function become(file, args) {
  const child = spawn(process.execPath, [file, ...args], { cwd: process.cwd(), stdio: 'inherit' });
  // The child gets the signal too and decides how to end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
  child.on('exit', (status, signal) => process.exit(signal === 'SIGINT' ? 130 : (status ?? 1)));
}
