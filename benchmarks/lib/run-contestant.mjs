import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Lines that Dawn prints about every adapter. */
const NOISE = /^Warning: max(Dynamic|.*artificially reduced)/;

/**
 * Runs one contestant in a process of its own.
 *
 * @param cache - folder of its shader and tuner caches: what it finds there makes its first step warm
 * @returns what it printed, or `{ error }`
 */
export function runContestant(contestant, { problem, updates, seconds, timeoutSeconds, cache }) {
  mkdirSync(cache, { recursive: true });
  const [program, ...args] = contestant.command;
  const env = { ...process.env, ...contestant.env, MESA_SHADER_CACHE_DIR: cache, XDG_CACHE_HOME: cache };
  const flags = ['--problem', problem, '--updates', String(updates), '--seconds', String(seconds)];
  const child = spawn(program, [...args, ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * timeoutSeconds);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ error: error.message }));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const line = output.split('\n').findLast((each) => each.startsWith('{'));
      if (code === 0 && line) return resolve(JSON.parse(line));
      const ending =
        signal === 'SIGKILL' ? `no result within ${timeoutSeconds} s` : `exit status ${code ?? signal}`;
      const told = errors.split('\n').filter((each) => each.trim() && !NOISE.test(each));
      resolve({ error: `${ending}. ${told.slice(0, 6).join(' | ')}`.trim() });
    });
  });
}
