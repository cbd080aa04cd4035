import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';

const here = import.meta.dirname;

/** What the program of a guide prints. */
async function printedBy(guidePath: string): Promise<string[]> {
  const guide = readFileSync(join(here, '../../..', guidePath), 'utf8');
  const program = /```ts\n(import[\s\S]*?)```/.exec(guide)?.[1] ?? '';
  // Beside the tests, so that it is compiled like them.
  const scratch = mkdtempSync(join(here, '.quickstart-'));
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void lines.push(words.join(' ')));
  try {
    const file = join(scratch, 'program.ts');
    writeFileSync(file, program);
    await import(/* @vite-ignore */ file);
  } finally {
    log.mockRestore();
    rmSync(scratch, { recursive: true });
  }
  return lines;
}

it('the program in README.md trains', async () => {
  const losses = (await printedBy('README.md')).map((line) =>
    Number(/^step \d+: loss ([\d.]+)$/.exec(line)?.[1]),
  );
  expect(losses).toHaveLength(5);
  expect(losses[4]).toBeLessThan(losses[0] as number);
});

it('the program in docs/memory.md runs, and shows what it says', async () => {
  const lines = await printedBy('docs/memory.md');
  const [without, having] = lines.map((line) => /^(\w+) ([\d.]+) MiB, loss ([\d.]+)$/.exec(line));
  expect([without?.[1], having?.[1]]).toEqual(['none', 'blocks']);
  expect(Number(having?.[2])).toBeLessThan(Number(without?.[2]) / 2);
  expect(Number(having?.[3])).toBeCloseTo(Number(without?.[3]), 3);
});
