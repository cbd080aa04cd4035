import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dataFolder, findData, findModelData, loadTask, readRecords } from '../../src/node/index.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-folder-'));
  mkdirSync(join(folder, 'tinystories'));
  writeFileSync(join(folder, 'tinystories/train.txt'), 'A story.');
  vi.stubEnv('FORETOKEN_DATA', folder);
});
beforeEach(() => void vi.stubEnv('FORETOKEN_DATA', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('the data folder', () => {
  it('is what FORETOKEN_DATA names, else data', () => {
    expect(dataFolder()).toBe(folder);
    vi.stubEnv('FORETOKEN_DATA', '');
    expect(dataFolder()).toBe('data');
  });

  it('is where names are looked for that do not exist from the current folder', () => {
    expect(findData('tinystories/train.txt')).toBe(join(folder, 'tinystories/train.txt'));
    expect(findData('package.json')).toBe('package.json');
    expect(findData(join(folder, 'nowhere.txt'))).toBe(join(folder, 'nowhere.txt'));
    expect(findData('nowhere.txt')).toBe('nowhere.txt');
    expect(findModelData('tinystories')).toBe(join(folder, 'tinystories'));
    expect(findModelData('organization/model')).toBe('organization/model');
  });

  it('is named where a file is missing, with the command that fetches it', async () => {
    const missing =
      /gsm8k\/train\.jsonl: there is no such file.* data folder .*"foretoken data get gsm8k" fetches it\./;
    await expect(
      loadTask({ preset: 'gsm8k', files: { train: 'gsm8k/train.jsonl' } }, {} as never),
    ).rejects.toThrow(missing);
    await expect(readRecords('gsm8k/train.jsonl').next()).rejects.toThrow(missing);
    expect(() => findModelData('stories260K')).toThrow(/"foretoken data get stories260K" fetches it\./);
  });
});
