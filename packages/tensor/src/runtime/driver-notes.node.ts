import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What Dawn says of every Vulkan driver with more dynamic buffers than it uses itself. Nobody can do anything about it. */
const KNOWN =
  /^Warning: maxDynamic\w+ artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.$/;

const ERROR_OUTPUT = 2;

/** The calls of the system that Node has not. */
interface Descriptors {
  dup(descriptor: number): number;
  dup2(from: number, to: number): number;
}

/** Nothing where the foreign function interface, an optional dependency, is not there. */
function descriptors(): Descriptors | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    return {
      dup: library.func('int dup(int)') as Descriptors['dup'],
      dup2: library.func('int dup2(int, int)') as Descriptors['dup2'],
    };
  } catch {
    return undefined;
  }
}

/** A new file that is gone when it is closed. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'foretoken-'));
  const file = openSync(join(folder, 'notes'), 'w+');
  rmSync(folder, { recursive: true });
  return file;
}

function textOf(file: number): string {
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  return bytes.toString();
}

/** Lines without those that say nothing. */
export const withoutKnownNotes = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !KNOWN.test(line))
    .join('\n');

/**
 * What `body` returns. What native code writes to standard error meanwhile is held back, and appears afterwards but for
 * Dawn's standing notes, which no option of Dawn turns off. Only Vulkan drivers on Linux bring them about.
 */
export function heedingNotes<T>(body: () => T): T {
  const calls = process.platform === 'linux' ? descriptors() : undefined;
  if (calls === undefined) return body();
  let file: number;
  try {
    file = openNameless();
  } catch {
    return body();
  }
  const own = calls.dup(ERROR_OUTPUT);
  if (own < 0) {
    closeSync(file);
    return body();
  }
  calls.dup2(file, ERROR_OUTPUT);
  try {
    return body();
  } finally {
    calls.dup2(own, ERROR_OUTPUT);
    closeSync(own);
    const notes = withoutKnownNotes(textOf(file));
    closeSync(file);
    if (notes !== '') writeSync(ERROR_OUTPUT, notes);
  }
}
