// Makes sure that a WebGPU adapter can be had, and says which.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { backportsEntry, hasBackports, parseDeb822, parseOneLine } from './debian-sources.mjs';
import { commandFor, driverPackages, parseOsRelease } from './distribution.mjs';
import { fail, root, run, say } from './run.mjs';

/** The adapter, or what the probe ended with instead. */
export function probe() {
  const result = spawnSync(process.execPath, [`${root}scripts/probe.mjs`], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (result.status === 0) return { adapter: JSON.parse(result.stdout) };
  if (result.status === 3) return { problem: 'no adapter found' };
  const last = (result.stderr ?? '').trim().split('\n').at(-1);
  return {
    problem: result.signal ? `the driver crashed (${result.signal})` : last || `status ${result.status}`,
  };
}

function aptEntries() {
  const folder = '/etc/apt/sources.list.d';
  const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return [
    ...parseOneLine(read('/etc/apt/sources.list')),
    ...files
      .filter((name) => name.endsWith('.list'))
      .flatMap((name) => parseOneLine(read(`${folder}/${name}`))),
    ...files
      .filter((name) => name.endsWith('.sources'))
      .flatMap((name) => parseDeb822(read(`${folder}/${name}`))),
  ];
}

/** Prefix of commands that need root: none as root, sudo where it asks no password. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

function install(driver, prefix) {
  const asRoot = (command, args, options) => {
    const [first, ...rest] = [...prefix, command, ...args];
    return run(first, rest, options);
  };
  if (driver.backports) {
    const entries = aptEntries();
    if (!hasBackports(entries, driver.backports)) {
      const entry = backportsEntry(entries, driver.backports);
      if (!entry)
        fail(
          `Set-up: no package source for ${driver.backports} found in /etc/apt. Run: ${commandFor(driver)}`,
        );
      const file = '/etc/apt/sources.list.d/foretoken-backports.sources';
      say(`Set-up: adding ${driver.backports}-backports as ${file}.`);
      if (prefix.length === 0) writeFileSync(file, entry);
      else asRoot('tee', [file], { input: entry, stdio: ['pipe', 'ignore', 2] });
    }
  }
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  const target = driver.backports ? ['-t', `${driver.backports}-backports`] : [];
  const quiet = ['-qq', '-o', 'Dpkg::Use-Pty=0'];
  asRoot(environment[0], [...environment.slice(1), ...quiet, 'update']);
  const args = [
    ...environment.slice(1),
    ...quiet,
    'install',
    '-y',
    '--no-install-recommends',
    ...target,
    ...driver.packages,
  ];
  return asRoot(environment[0], args) === 0;
}

/** Ends the process with advice when no adapter can be had. */
export function ensureAdapter() {
  let found = probe();
  if (!found.adapter && process.platform === 'linux') {
    const release = existsSync('/etc/os-release')
      ? parseOsRelease(readFileSync('/etc/os-release', 'utf8'))
      : {};
    const driver = driverPackages(release);
    const advice = `Set-up: no WebGPU adapter (${found.problem}). On this system run, as root: ${commandFor(driver)}`;
    if (process.env.FORETOKEN_SETUP === 'manual' || driver?.manager !== 'apt') fail(advice);
    const prefix = privilege();
    if (prefix === undefined) fail(advice);
    say(
      `Set-up: no WebGPU adapter (${found.problem}). Installing a software Vulkan driver: ${commandFor(driver)}`,
    );
    say('Set-up: (set FORETOKEN_SETUP=manual to keep the set-up from touching the system)');
    if (!install(driver, prefix))
      fail(`Set-up: the installation failed. Run it yourself: ${commandFor(driver)}`);
    found = probe();
  }
  if (!found.adapter) {
    fail(
      `Set-up: no WebGPU adapter (${found.problem}). Install a driver for your GPU, then run "npm run foretoken -- doctor".`,
    );
  }
  const { name, software } = found.adapter;
  say(`Adapter: ${name}${software ? ' (software: runs on the CPU; a GPU is many times faster)' : ''}`);
}
