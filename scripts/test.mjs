// npm test: sets everything up, then checks and tests all of it. Arguments go to vitest.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root, run, say } from './run.mjs';
import { setUp, stamps } from './setup.mjs';

setUp();
const results = join(stamps, 'results.json');
mkdirSync(stamps, { recursive: true });
rmSync(results, { force: true });

/** Each is a script of package.json, so that it can be run alone. They need one core each. */
const checks = [
  ['typecheck'],
  ['lint', '--diagnostic-level=error'],
  ['check:unused', '--no-progress'],
  ['check:packages'],
  ['check:directions'],
  ['check:quickstarts'],
];
const tests = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];

const windows = process.platform === 'win32';
const program = (name) => (windows ? `${name}.cmd` : name);
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** npm starts a script in half the time; what packs packages as pnpm does needs pnpm. */
const commandOf = ([script, ...args]) =>
  script === 'check:packages'
    ? [program('npx'), ['--yes', packageManager, '--silent', 'run', script, ...args]]
    : [program('npm'), ['run', '--silent', script, '--', ...args]];

/** Runs a script to its end; what it says is shown in one piece, so that scripts side by side do not mix. */
function runQuietly(script) {
  return new Promise((resolve) => {
    const [command, args] = commandOf(script);
    const child = spawn(command, args, { cwd: root, shell: windows });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    child.on('error', (error) => said.push(Buffer.from(error.message)));
    child.on('close', (status, signal) => {
      // Ctrl-C went to all of them.
      if (signal === 'SIGINT' || status === 130) process.exit(130);
      say(`\n--- ${script[0]}\n${Buffer.concat(said).toString().trimEnd()}`);
      resolve(status);
    });
  });
}

const failed = [];
const waiting = [...checks];
const worker = async () => {
  for (let script = waiting.shift(); script !== undefined; script = waiting.shift())
    if ((await runQuietly(script)) !== 0) failed.push(script[0]);
};
await Promise.all(Array.from({ length: availableParallelism() }, worker));

say('\n--- test:unit');
const [command, args] = commandOf(['test:unit', ...tests, ...process.argv.slice(2)]);
if (run(command, args, { shell: windows }) !== 0) failed.push('test:unit');
say(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
process.exit(failed.length === 0 ? 0 : 1);
