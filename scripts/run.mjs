// Child processes of the set-up. Whatever they say goes to standard error, so that standard output stays clean.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const say = (message) => process.stderr.write(`${message}\n`);

/** Ends the process with one line. */
export function fail(message) {
  say(message);
  process.exit(1);
}

/** Runs a command to its end and gives its exit status; Ctrl-C during it ends this process too, with 130. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) fail(`${command}: ${result.error.message}`);
  if (result.signal === 'SIGINT' || result.status === 130) process.exit(130);
  return result.status ?? 1;
}

/** Runs a command-line tool of the workspace. */
export function runTool(name, args) {
  const windows = process.platform === 'win32';
  return run(`${root}node_modules/.bin/${name}${windows ? '.cmd' : ''}`, args, { shell: windows });
}
