import { CheckpointError } from '../checkpoint/errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'a file is in the way',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of its path is no folder',
};

async function accessing<Result>(
  what: 'read' | 'write',
  path: string,
  access: () => Promise<Result>,
): Promise<Result> {
  try {
    return await access();
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new CheckpointError(`cannot ${what} ${path}: ${REASONS[code] ?? message}.`, { cause: error });
  }
}

/** Runs what reads a file. @throws CheckpointError in one line, where the system refuses */
export const reading = <Result>(path: string, read: () => Promise<Result>): Promise<Result> =>
  accessing('read', path, read);

/** Runs what writes to a folder. @throws CheckpointError in one line, where the system refuses */
export const writing = <Result>(path: string, write: () => Promise<Result>): Promise<Result> =>
  accessing('write', path, write);
