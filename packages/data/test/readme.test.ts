import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(folder, '.quickstart-readme-'));
afterAll(() => rmSync(scratch, { recursive: true }));

it('the example of text in the README prints what its comments say', async () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
  const example = examples.find((code) => code.includes('new TextTask')) as string;
  const file = join(scratch, 'example.ts');
  writeFileSync(file, example);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import(file);
  const printed = log.mock.calls.map(([value]) => String(value));
  log.mockRestore();
  expect(printed).toEqual(
    [...example.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, comment]) => comment),
  );
});
