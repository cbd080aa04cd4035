import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

function commit() {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout?.trim();
  const hash = git('rev-parse', '--short', 'HEAD');
  if (!hash) return undefined;
  return git('status', '--porcelain', '--', '../packages') ? `${hash} with changes to packages/` : hash;
}

/** When the engine that is measured was built, which may be before the commit. */
function builtAt() {
  const file = new URL('../../packages/tensor/dist/index.js', import.meta.url);
  return statSync(file, { throwIfNoEntry: false })?.mtime.toISOString();
}

/** What a reader must know of the machine to make use of the figures. */
export function conditions() {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    builtAt: builtAt(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

export const loadNow = () => Number(loadavg()[0].toFixed(2));
