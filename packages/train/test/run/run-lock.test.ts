import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/index.js';
import { type ProcessIdentity, stateOf, thisProcess } from '../../src/run/process-identity.js';
import { RunLog } from '../../src/run/run-log.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-lock-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const lock = (): string => join(scratch, 'lock');
const ended = (): number => spawnSync(process.execPath, ['-e', '']).pid;

/** A lock of another process. */
function leave(changed: Partial<ProcessIdentity>): void {
  writeFileSync(lock(), JSON.stringify({ ...thisProcess(), ...changed, token: 'theirs', since: Date.now() }));
}

it('is held by one, who alone gives it back', () => {
  const own = takeLock(scratch);
  expect(() => takeLock(scratch)).toThrow(
    new RegExp(`is in use by process ${process.pid}, since \\d{4}-.*remove .*lock\\.$`),
  );
  own.release();
  expect(readdirSync(scratch)).toEqual([]);
  const again = takeLock(scratch);
  own.release();
  expect(existsSync(lock())).toBe(true);
  again.release();
  rmSync(scratch, { recursive: true });
  again.release();
  mkdirSync(scratch);
});

describe('a lock that was left', () => {
  it('is taken over where its process has ended, or its number is that of another one by now', () => {
    for (const other of [
      { pid: ended(), started: '1' },
      { started: '1' },
      { pid: process.ppid, started: '1' },
    ]) {
      leave(other);
      const own = takeLock(scratch);
      expect(JSON.parse(readFileSync(lock(), 'utf8'))).toMatchObject(thisProcess());
      own.release();
      expect(readdirSync(scratch)).toEqual([]);
    }
  });

  it.each([
    { host: 'elsewhere' },
    { pidNamespace: 'pid:[1]', pid: 3 },
    { boot: 'another', machine: 'another' },
    { boot: 'another', machine: null },
  ])('by %j is not, since nobody can tell from here', (other) => {
    leave({ pid: ended(), ...other });
    expect(() => takeLock(scratch)).toThrow(
      /in use by process \d+.*cannot be told from here; if it has ended, remove .*lock/,
    );
    expect(JSON.parse(readFileSync(lock(), 'utf8'))).toMatchObject({ token: 'theirs' });
  });

  it.each(['', '\0\0\0', '{', '{"pid": 1}', '0', 'x'.repeat(10_000)])(
    'with %j in it is not free',
    (contents) => {
      writeFileSync(lock(), contents);
      expect(() => takeLock(scratch)).toThrow(
        /^[^\n]*does not say which process holds it[^\n]*remove that file\.$/,
      );
      expect(readFileSync(lock(), 'utf8')).toBe(contents);
    },
  );

  it('by an earlier version holds while its process runs', () => {
    writeFileSync(lock(), String(process.ppid));
    expect(() => takeLock(scratch)).toThrow(`in use by process ${process.ppid}. `);
    for (const pid of [ended(), process.pid]) {
      writeFileSync(lock(), String(pid));
      takeLock(scratch).release();
    }
  });

  it('goes along with what takers left that were killed', () => {
    leave({ pid: ended() });
    writeFileSync(
      `${lock()}.after-theirs`,
      JSON.stringify({ ...thisProcess(), pid: ended(), token: 'taker', since: 0 }),
    );
    writeFileSync(`${lock()}.old.new`, '');
    utimesSync(`${lock()}.old.new`, 0, 0);
    writeFileSync(join(scratch, 'lock-picking.txt'), '');
    takeLock(scratch).release();
    expect(readdirSync(scratch)).toEqual(['lock-picking.txt']);
  });
});

it('that is a folder, or names no moment, says the way out', () => {
  const lock = join(scratch, 'lock');
  mkdirSync(lock);
  expect(() => takeLock(scratch)).toThrow(/cannot read .*lock: .* If no training runs .* remove it/);
  rmSync(lock, { recursive: true });
  writeFileSync(lock, JSON.stringify({ ...thisProcess(), host: 'other', token: 'x', since: 1e300 }));
  expect(() => takeLock(scratch)).toThrow(/lock does not say which process holds it .* remove that file/);
});

it('that is a link to nothing says the way out', () => {
  symlinkSync(join(scratch, 'nowhere'), join(scratch, 'lock'));
  expect(() => takeLock(scratch)).toThrow(
    /leads nowhere. Try again; if no training runs .* remove that file/,
  );
});

it.skipIf(process.platform === 'win32')('waits for no pipe in place of a file', () => {
  const folder = mkdtempSync(join(scratch, 'pipes-'));
  for (const name of ['lock', 'metrics.jsonl']) execFileSync('mkfifo', [join(folder, name)]);
  expect(() => takeLock(folder)).toThrow(/lock does not say which process holds it .*remove that file/);
  const log = new RunLog(join(folder, 'metrics.jsonl'));
  for (const use of [() => log.events(), () => log.sync(), () => log.digest(4), () => log.cut(0)])
    expect(use).toThrow(/metrics\.jsonl is no file\./);
});

it('knows which processes run', () => {
  const self = thisProcess();
  expect(stateOf(self, Date.now())).toBe('runs');
  if (self.started !== null) expect(stateOf({ ...self, started: '0' }, Date.now())).toBe('ended');
  if (self.boot !== null && self.machine !== null)
    expect(stateOf({ ...self, boot: 'before' }, Date.now())).toBe('ended');
});

const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const contender = fileURLToPath(new URL('./contender.mjs', import.meta.url));

it.skipIf(!existsSync(library))('is held by one of several processes at a time, whoever dies', async () => {
  const milliseconds = process.env['FORETOKEN_LOCK_MILLISECONDS'] ?? '1500';
  const results = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, [contender, library, scratch, milliseconds]);
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      await new Promise((resolve) => child.on('close', resolve));
      return JSON.parse(said) as { held: number; violations: number; other: string };
    }),
  );
  if (process.env['FORETOKEN_LOCK_MILLISECONDS'] !== undefined) console.log(results);
  expect(results.map(({ violations, other }) => ({ violations, other }))).toEqual(
    results.map(() => ({ violations: 0, other: '' })),
  );
  expect(results.reduce((all, { held }) => all + held, 0)).toBeGreaterThan(10);
});
