import { spawnSync } from 'node:child_process';

/** The commit of the checkout that this program was built in, with a mark when files have changed since. */
export function currentCommit(): string | undefined {
  const git = (...args: string[]): string | undefined => {
    const result = spawnSync('git', args, { cwd: new URL('.', import.meta.url), encoding: 'utf8' });
    return result.status === 0 ? result.stdout.trim() : undefined;
  };
  const commit = git('rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit} (changed)`;
}
