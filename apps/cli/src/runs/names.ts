import { sep } from 'node:path';

/** Paths by what tells them apart: without the folders that all of them begin with. */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split(sep).filter((part) => part !== '' && part !== '.'));
  const shortest = parts.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  let shared = 0;
  while (shared < shortest - 1 && parts.every((each) => each[shared] === parts[0]?.[shared])) shared++;
  return parts.map((each) => each.slice(shared).join('/'));
}
