// Checks what each package would publish: publint for the manifest, attw for the types.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, runTool, say } from './run.mjs';

const failed = [];
for (const group of ['packages', 'apps']) {
  for (const name of readdirSync(join(root, group))) {
    const folder = join(root, group, name);
    if (!existsSync(join(folder, 'package.json'))) continue;
    if (runTool('publint', [folder, '--strict']) !== 0) failed.push(`publint ${name}`);
    // Programs have no types to check.
    if (group === 'apps') continue;
    if (runTool('attw', ['--pack', folder, '--profile', 'esm-only', '--format', 'ascii', '--quiet']) !== 0) {
      failed.push(`attw ${name}`);
    }
  }
}
if (failed.length > 0) say(`Failed: ${failed.join(', ')}.`);
process.exit(failed.length === 0 ? 0 : 1);
