import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { built } from './program.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-interruption-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A comparison of two runs at a time that would take hours, in a process group of its own, as a shell starts it. */
function start(out: string): { child: ChildProcess; said: () => string } {
  const flags = ['--objectives', 'ntp,teacherless', '--jobs', '2', '--steps', '100000', '--out', out];
  const small = ['--batch', '4', '--model.width', '16', '--model.layers', '1', '--logEvery', '1'];
  const rare = ['--evaluation.every', '90000', '--evaluation.questions', '4'];
  const child = spawn(process.execPath, [main, 'compare', ...flags, ...small, ...rare], { detached: true });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { child, said: () => said };
}

const RUNS = ['ntp-seed0', 'teacherless-seed0'];

const hasTrained = (run: string): boolean =>
  existsSync(join(run, 'metrics.jsonl')) && readFileSync(join(run, 'metrics.jsonl')).includes('"metrics"');

const hasCheckpoint = (run: string): boolean =>
  existsSync(join(run, 'checkpoints')) &&
  readdirSync(join(run, 'checkpoints')).some((name) => /^step-\d+\.safetensors$/.test(name));

const isFree = (run: string): boolean => !existsSync(join(run, 'lock'));

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 600) throw new Error(`never: ${what}`);
    await wait(100);
  }
}

describe.skipIf(!built || process.platform === 'win32')('an interruption of several processes', () => {
  it.each([
    // As terminals do: to the whole group.
    ['SIGINT', 'group', 130],
    ['SIGHUP', 'group', 129],
    // The processes of the runs find out when their input ends.
    ['SIGKILL', 'parent', null],
  ] as const)('saves all runs on %s to the %s', async (signal, whom, code) => {
    const out = join(scratch, signal);
    const runs = RUNS.map((run) => join(out, run));
    const { child, said } = start(out);
    const pid = child.pid as number;
    await until('both train', () => runs.every(hasTrained));
    process.kill(whom === 'group' ? -pid : pid, signal);
    // npm and shells pass on what the group has got already: still one request.
    if (code !== null) process.kill(pid, signal);
    const [status] = (await once(child, 'close')) as [number | null];
    expect(status).toBe(code);
    await until('both have ended', () => runs.every(isFree));
    expect(runs.map(hasCheckpoint)).toEqual([true, true]);
    if (code !== null) expect(said()).toContain('Stopped. The same command resumes from the checkpoint.');
  });

  it('ends quietly when nobody reads what it prints', async () => {
    const child = spawn(process.execPath, [main, 'recipes', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [status] = (await once(child, 'close')) as [number | null];
    expect([status, said]).toEqual([141, '']);
  });
});
