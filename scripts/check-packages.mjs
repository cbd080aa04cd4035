// Checks what each package would publish: publint for the manifest, attw for the types.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

let failures = 0;
for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name);
  if (run('npx', ['--no-install', 'publint', folder, '--strict']) !== 0) failures++;
  if (
    run('npx', [
      '--no-install',
      'attw',
      '--pack',
      folder,
      '--profile',
      'esm-only',
      '--format',
      'ascii',
      '--quiet',
    ]) !== 0
  )
    failures++;
}
process.exit(failures === 0 ? 0 : 1);
