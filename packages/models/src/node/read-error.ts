import { CheckpointError } from '../checkpoint/errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of its path is no folder',
};

/** Runs what reads a file. @throws CheckpointError in one line, where the system refuses */
export async function reading<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CheckpointError(`cannot read ${path}: ${REASONS[code] ?? message}.`, { cause: error });
  }
}
