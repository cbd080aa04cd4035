// Which process somebody is, so that others on the same machine can tell for sure whether it still runs.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { isProcessAlive } from '@foretoken/models/node';

/** A process. What a system does not say is null. */
export interface ProcessIdentity {
  readonly host: string;
  /** Tells machines of one name apart. */
  readonly machine: string | null;
  /** Changes with every start of the machine. */
  readonly boot: string | null;
  /** Numbers of processes mean nothing outside of it: containers have their own. */
  readonly pidNamespace: string | null;
  readonly pid: number;
  /** When the process started, in ticks since the machine did: numbers of processes are used again. */
  readonly started: string | null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

function readNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}

/** State and start of a process as Linux tells them; null elsewhere, and where there is no such process. */
function statOf(pid: number): { readonly state: string; readonly started: string } | null {
  // The name of the program, in parentheses, may hold anything.
  const fields = read(`/proc/${pid}/stat`)?.split(')').at(-1)?.trim().split(' ');
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? null : { state, started };
}

let own: ProcessIdentity | undefined;

/** This process. */
export function thisProcess(): ProcessIdentity {
  own ??= {
    host: hostname(),
    machine: read('/etc/machine-id'),
    boot: read('/proc/sys/kernel/random/boot_id'),
    pidNamespace: readNamespace(),
    pid: process.pid,
    started: statOf(process.pid)?.started ?? null,
  };
  return own;
}

/** Room for clocks that were set, where the start of the machine has to be reckoned from its uptime. */
const CLOCK_MILLISECONDS = 120_000;

/**
 * Whether a process runs.
 *
 * @param since - when it was seen to run, in milliseconds since 1970
 * @returns `unknown` for processes of other machines and containers
 */
export function stateOf(other: ProcessIdentity, since: number): 'runs' | 'ended' | 'unknown' {
  const self = thisProcess();
  if (other.host !== self.host) return 'unknown';
  if (other.boot !== self.boot) {
    // Two machines may have one name.
    const same = other.machine !== null && other.machine === self.machine;
    return same && other.boot !== null && self.boot !== null ? 'ended' : 'unknown';
  }
  if (other.pidNamespace !== self.pidNamespace) return 'unknown';
  if (self.boot === null && since < Date.now() - 1000 * uptime() - CLOCK_MILLISECONDS) return 'ended';
  if (!isProcessAlive(other.pid)) return 'ended';
  const stat = statOf(other.pid);
  // Without /proc, or where it hides the processes of others, the number is all there is.
  if (stat === null) return isProcessAlive(other.pid) ? 'runs' : 'ended';
  // One that was killed stays in the table until its parent has heard of it.
  if (stat.state === 'Z' || stat.state === 'X') return 'ended';
  return other.started === null || stat.started === other.started ? 'runs' : 'ended';
}
