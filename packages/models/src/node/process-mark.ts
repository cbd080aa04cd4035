import { hostname } from 'node:os';

let marks = 0;

/** Letters of a host name that no file system minds, and no mark is parted by. */
const host = hostname().replace(/[^A-Za-z0-9]/g, '') || 'host';

/** Names what this process makes for the time being, each time another one: others can tell whether it still runs. */
export const newMark = (): string => `${host}-${process.pid}-${marks++}`;

/** Whether a process of this number runs on this machine. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether the process that made a mark is known to have ended. Of other machines, nothing is known. */
export function isAbandoned(mark: string): boolean {
  const [, machine, pid] = /^([^-]+)-(\d+)-\d+$/.exec(mark) ?? [];
  return machine === host && !isProcessAlive(Number(pid));
}
