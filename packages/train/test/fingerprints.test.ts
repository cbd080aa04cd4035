import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recipeOfTask } from '../src/recipes.js';
import { dataFingerprints } from '../src/run/fingerprints.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-fingerprints-'));
afterAll(() => rmSync(folder, { recursive: true }));

const recipeOf = (train: string) => {
  const recipe = recipeOfTask('corpus');
  return { ...recipe, task: { ...recipe.task, files: { train } } };
};

describe('fingerprints of data', () => {
  it('are those of regular files: a pipe or a device would be read for ever', async () => {
    const pipe = join(folder, 'pipe.txt');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero'])
      await expect(dataFingerprints(recipeOf(path))).rejects.toThrow(`task.files: ${path} is no file.`);
    const file = join(folder, 'text.txt');
    writeFileSync(file, 'abc');
    expect(await dataFingerprints(recipeOf(file))).toEqual({
      [file]: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
  });
});
