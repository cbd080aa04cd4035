import { reasonOf } from '@foretoken/input/node';
import { CheckpointError } from '../checkpoint/errors.js';

async function accessing<Result>(
  what: 'read' | 'write',
  path: string,
  access: () => Promise<Result>,
): Promise<Result> {
  try {
    return await access();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new CheckpointError(`cannot ${what} ${path}: ${reasonOf(error)}.`, { cause: error });
  }
}

/** Runs what reads a file. @throws CheckpointError in one line, where the system refuses */
export const reading = <Result>(path: string, read: () => Promise<Result>): Promise<Result> =>
  accessing('read', path, read);

/** Runs what writes to a folder. @throws CheckpointError in one line, where the system refuses */
export const writing = <Result>(path: string, write: () => Promise<Result>): Promise<Result> =>
  accessing('write', path, write);
