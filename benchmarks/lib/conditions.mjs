import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

function commit() {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout?.trim();
  const hash = git('rev-parse', '--short', 'HEAD');
  if (!hash) return undefined;
  return git('status', '--porcelain', '--', '../packages') ? `${hash} with changes to packages/` : hash;
}

/** What a reader must know of the machine to make use of the figures. */
export function conditions() {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

export const loadNow = () => Number(loadavg()[0].toFixed(2));
