// From a fresh clone to a built workspace: installs, makes sure of an adapter, builds. What is done is skipped.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureAdapter } from './adapter.mjs';
import { fail, root, run, say } from './run.mjs';

const stamps = join(root, 'node_modules', '.foretoken');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

function workspaces() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => join(root, group, name))
      .filter((folder) => existsSync(join(folder, 'package.json'))),
  );
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function fingerprint(files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...files].sort()) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

/** Runs `work` unless the files are those of the last time, and its products are still there. */
function once(name, files, products, work) {
  const stamp = join(stamps, name);
  const now = fingerprint(files);
  const done =
    products.every((path) => existsSync(path)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now;
  if (done) return;
  work();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, now);
}

/** Runs the pinned pnpm, wherever Node and npm are. */
export function pnpm(args, options) {
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
  return run(npx, ['--yes', manifest.packageManager, ...args], {
    shell: process.platform === 'win32',
    ...options,
  });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Foretoken needs Node 20.19 or newer; this is ${process.version}.`);
  }
}

/** Leaves a workspace in which everything can be run. */
export function setUp() {
  checkNode();
  const folders = workspaces();
  const manifests = [root, ...folders].map((folder) => join(folder, 'package.json'));
  const lock = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => join(root, name));
  once('install', [...manifests, ...lock], [join(root, 'node_modules', '.modules.yaml')], () => {
    say('Set-up: installing the dependencies (frozen lockfile) ...');
    if (pnpm(['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn']) !== 0) {
      fail('Set-up: installing the dependencies failed; see above.');
    }
  });
  ensureAdapter();
  const sources = folders.flatMap((folder) => [
    ...filesBelow(join(folder, 'src')),
    ...['package.json', 'tsconfig.json', 'tsup.config.ts']
      .map((name) => join(folder, name))
      .filter((file) => existsSync(file)),
  ]);
  const built = folders
    .map((folder) => join(folder, 'dist'))
    .filter((folder) => statSync(join(folder, '..')).isDirectory());
  once('build', [...sources, join(root, 'tsconfig.base.json')], built, () => {
    say('Set-up: building ...');
    if (
      pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only', '--no-update-notifier'], {
        env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
      }) !== 0
    ) {
      fail('Set-up: the build failed; see above.');
    }
  });
}
