// npm test: sets everything up, then checks and tests all of it. Arguments go to vitest.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './run.mjs';
import { pnpm, setUp, stamps } from './setup.mjs';

setUp();
const results = join(stamps, 'results.json');
mkdirSync(stamps, { recursive: true });
rmSync(results, { force: true });

/** Each is a script of package.json, so that it can be run alone. */
const checks = [
  ['typecheck'],
  ['lint', '--diagnostic-level=error'],
  ['check:directions'],
  ['check:unused', '--no-progress'],
  ['check:packages'],
  ['check:quickstarts'],
  [
    'test:unit',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...process.argv.slice(2),
  ],
];
const failed = [];
for (const [script, ...args] of checks) {
  say(`\n--- ${script}`);
  if (pnpm(['--silent', 'run', script, ...args]) !== 0) failed.push(script);
}
say(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
process.exit(failed.length === 0 ? 0 : 1);
