// npm test: sets everything up, then checks and tests all of it.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, say } from './run.mjs';
import { pnpm, setUp } from './setup.mjs';

setUp();
const results = join(root, 'node_modules', '.foretoken', 'results.json');
mkdirSync(join(results, '..'), { recursive: true });
if (existsSync(results)) rmSync(results);

const checks = [
  ['types', ['exec', 'tsc', '--noEmit']],
  ['format and lint', ['exec', 'biome', 'check', '--diagnostic-level=error', '.']],
  [
    'direction of dependencies',
    ['exec', 'depcruise', '--config', '.dependency-cruiser.cjs', 'packages', 'apps'],
  ],
  ['unused code', ['exec', 'knip', '--no-progress']],
  ['packages', ['exec', 'node', 'scripts/check-packages.mjs']],
  ['quickstarts', ['exec', 'node', 'scripts/check-quickstarts.mjs']],
  [
    'tests',
    [
      'exec',
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${results}`,
      ...process.argv.slice(2),
    ],
  ],
];
const failed = [];
for (const [name, args] of checks) {
  say(`\n--- ${name}`);
  if (pnpm(args) !== 0) failed.push(name);
}
say(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
process.exit(failed.length === 0 ? 0 : 1);
