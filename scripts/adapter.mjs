// Makes sure that a WebGPU adapter can be had, and says which.
import { spawnSync } from 'node:child_process';
import { installationHere } from './installation-here.mjs';
import { describeChanges, packageChanges } from './package-changes.mjs';
import { fail, root, run, say } from './run.mjs';

/** The adapter, or what the probe ended with instead. */
export function probe() {
  const result = spawnSync(process.execPath, [`${root}scripts/probe.mjs`], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (result.status === 0) return { adapter: JSON.parse(result.stdout) };
  if (result.status === 3) return { problem: 'none found' };
  if (result.signal) return { problem: `the driver crashed with ${result.signal}` };
  const lines = (result.stderr ?? '').trim().split('\n');
  return {
    problem: lines.find((line) => /Error:/.test(line)) ?? `the probe ended with status ${result.status}`,
  };
}

/** What goes before a command that needs root: nothing as root, sudo where it asks no password. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

/** What the installation will change, in lines; nothing where apt-get cannot tell. */
function simulated(packages) {
  // In English, as it is read below.
  const command = ['LC_ALL=C', 'apt-get', '-s', 'install', '-y', '--no-install-recommends', ...packages];
  const result = spawnSync('env', command, { encoding: 'utf8' });
  return result.status === 0 ? describeChanges(packageChanges(result.stdout)) : [];
}

/** Runs apt-get, and says before what it will change; takes a sources file that helped nothing away again. True when the packages are there. */
function install({ source, install: packages }, prefix) {
  const asRoot = ([command, ...args], options) => {
    const [first, ...rest] = [...prefix, command, ...args];
    return run(first, rest, options);
  };
  const aptGet = (...args) =>
    asRoot(['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0', ...args]);
  if (source) {
    say(`Set-up: writing the package source ${source.file}:\n${source.entry.trim().replace(/^/gm, '  ')}`);
    if (asRoot(['tee', source.file], { input: source.entry, stdio: ['pipe', 'ignore', 2] }) !== 0)
      return false;
  }
  // One broken source of the machine makes `update` fail and need not matter here: the installation tells.
  say('Set-up: reading the lists of packages (apt-get update).');
  aptGet('update');
  for (const line of simulated(packages)) say(`Set-up: ${line}`);
  const installed = aptGet('install', '-y', '--no-install-recommends', ...packages) === 0;
  if (!installed && source) asRoot(['rm', '-f', source.file]);
  return installed;
}

/** Ends the process with advice when no adapter can be had. */
export function ensureAdapter() {
  let found = probe();
  if (!found.adapter && process.platform === 'linux') {
    const how = installationHere();
    const advice = `Set-up: no WebGPU adapter (${found.problem}). Run as root: ${how.command}`;
    const prefix = privilege();
    if (process.env.FORETOKEN_SETUP === 'manual' || !how.apt || !prefix) fail(advice);
    say(
      `Set-up: no WebGPU adapter (${found.problem}). Installing a software Vulkan driver now, with: ${how.command}`,
    );
    say('Set-up: FORETOKEN_SETUP=manual keeps the set-up from touching the system.');
    if (!install(how.apt, prefix))
      fail(`Set-up: the installation failed; see above. Run as root: ${how.command}`);
    found = probe();
  }
  if (!found.adapter) {
    fail(
      `Set-up: no WebGPU adapter (${found.problem}). Foretoken needs a GPU driver, or a software Vulkan driver (Mesa 23 or newer).`,
    );
  }
  const { name, software } = found.adapter;
  say(`Adapter: ${name}${software ? ' (software: it computes on the CPU; a GPU is many times faster)' : ''}`);
}
