import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeAtomic } from '../src/index.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-files-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** Above all numbers that systems give to processes. */
const NO_PROCESS = 999_999_999;

it('replaces a file, and removes what processes that were killed have left of it', () => {
  const host = hostname().replace(/[^A-Za-z0-9]/g, '') || 'host';
  const ended = `${host}-${NO_PROCESS}-0`;
  const others = [
    'report.html',
    // Of a process that runs, of another machine, of another file, and of nobody.
    `study.json.${host}-${process.pid}-99.partial`,
    `study.json.x${ended}.partial`,
    `start.json.${ended}.partial`,
    'study.json.mine.partial',
  ];
  for (const name of ['study.json', `study.json.${ended}.partial`, ...others])
    writeFileSync(join(scratch, name), 'old');
  writeAtomic(join(scratch, 'study.json'), 'new');
  expect(readFileSync(join(scratch, 'study.json'), 'utf8')).toBe('new');
  expect(readdirSync(scratch).sort()).toEqual(['study.json', ...others].sort());
});
