import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CheckpointError } from '../checkpoint/errors.js';

const bytes = z.int().nonnegative();
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), 'no valid hash');

const schema = z.looseObject({
  path: z.string(),
  type: z.literal('file'),
  size: bytes,
  oid: hex(40).optional(),
  lfs: z.looseObject({ oid: hex(64), size: bytes }).nullish(),
});

/** A file as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Of its contents: what it is called in the cache. */
  readonly hash: string;
  /** Of a file in git, the hash of git's blob; of a large one, SHA-256 of its bytes. */
  readonly algorithm: 'git' | 'sha256';
}

/** @throws CheckpointError where the listing says no size or no hash of a file */
export function hubFile(model: string, info: { readonly path: string }): HubFile {
  const result = schema.safeParse(info);
  const { oid, lfs, size, path } = result.data ?? {};
  const hash = lfs?.oid ?? oid;
  if (path === undefined || size === undefined || hash === undefined) {
    const issue = result.error?.issues[0];
    const where = issue === undefined ? 'oid' : issue.path.join('.');
    throw new CheckpointError(
      `the hub gives no valid hash and size of ${info.path} of ${model} (${where}): nothing is fetched.`,
    );
  }
  return { path, size: lfs?.size ?? size, hash, algorithm: lfs ? 'sha256' : 'git' };
}

/** What takes the contents of a file, and gives the hash that the hub lists. */
export function contentHash({ algorithm, size }: HubFile) {
  if (algorithm === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${size}\0`);
}
