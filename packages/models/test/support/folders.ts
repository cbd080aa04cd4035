import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** The checkpoint of a family, made by tools/fixtures/checkpoints.py. */
export const fixtureFolder = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));

/** Makes empty folders, which are removed when the tests of the file have run. */
export function useFolders(): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'foretoken-checkpoint-'));
    made.push(folder);
    return folder;
  };
}

/** A copy of a fixture, with fields of its config.json replaced; undefined removes one. */
export function copyFixture(name: string, target: string, fields: Record<string, unknown> = {}): string {
  cpSync(fixtureFolder(name), target, { recursive: true });
  const path = join(target, 'config.json');
  writeFileSync(path, JSON.stringify({ ...readJson(path), ...fields }));
  return target;
}

export const readJson = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** An adapter in the layout of PEFT, made by tools/fixtures/lora.py; of the checkpoint of the same name. */
export const adapterFolder = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/adapters/${name}`, import.meta.url));
