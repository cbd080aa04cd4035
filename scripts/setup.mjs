// From a fresh clone to a built workspace: installs, makes sure of an adapter, builds. What is done is skipped.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ensureAdapter } from './adapter.mjs';
import { fail, root, run, say } from './run.mjs';

/** Folder of the stamps: what was installed and built last, and results of tests. */
export const stamps = join(root, 'node_modules', '.foretoken');

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

function workspaceFolders() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => join(root, group, name))
      .filter((folder) => existsSync(join(folder, 'package.json'))),
  );
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function fingerprint(files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...files].sort()) hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** Runs `work` unless the files are those of the last time and its products are still there. */
function once(name, files, products, work) {
  const stamp = join(stamps, name);
  const current = fingerprint(files);
  if (
    products.every((path) => existsSync(path)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === current
  )
    return;
  work();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, current);
}

/** Runs the pinned pnpm, wherever Node and npm are, and gives its exit status. */
function pnpm(args, environment = {}) {
  const windows = process.platform === 'win32';
  return run(windows ? 'npx.cmd' : 'npx', ['--yes', manifest.packageManager, ...args], {
    shell: windows,
    env: { ...process.env, ...environment },
  });
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Foretoken needs Node 20.19 or newer; this is ${process.version}.`);
  }
}

function install(folders) {
  const manifests = [root, ...folders].map((folder) => join(folder, 'package.json'));
  const settings = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => join(root, name));
  const products = folders.map((folder) => join(folder, 'node_modules'));
  once('installed', [...manifests, ...settings], products, () => {
    say('Set-up: installing the dependencies (frozen lockfile) ...');
    // CI=true: pnpm may replace an outdated node_modules without asking.
    if (
      pnpm(['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'], { CI: 'true' }) !==
      0
    ) {
      fail('Set-up: installing the dependencies failed; see above.');
    }
  });
}

function build(folders) {
  const settings = ['package.json', 'tsconfig.json', 'tsup.config.ts'];
  const sources = folders.flatMap((folder) => [
    ...filesBelow(join(folder, 'src')),
    ...settings.map((name) => join(folder, name)),
  ]);
  const products = folders.map((folder) => join(folder, 'dist'));
  once(
    'built',
    [...sources, join(root, 'pnpm-lock.yaml'), join(root, 'tsconfig.base.json')],
    products,
    () => {
      say('Set-up: building ...');
      const quiet = {
        TURBO_TELEMETRY_DISABLED: '1',
        TURBO_NO_UPDATE_NOTIFIER: '1',
        TURBO_PRINT_VERSION_DISABLED: '1',
      };
      if (pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only'], quiet) !== 0) {
        fail('Set-up: the build failed; see above.');
      }
    },
  );
}

/** Leaves a workspace in which everything can be run. */
export function setUp() {
  requireNode();
  const folders = workspaceFolders();
  install(folders);
  ensureAdapter();
  build(folders);
}
