import { readFileSync } from 'node:fs';

/** CPU seconds that this process has spent, all threads together. */
export function processCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * CPU seconds of the thread that runs JavaScript, on Linux; undefined elsewhere. The utilization that Node reports
 * for its event loop would count the waiting for the GPU as work.
 */
export function mainThreadCpuSeconds(): number | undefined {
  try {
    const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e9;
  } catch {
    return undefined;
  }
}
