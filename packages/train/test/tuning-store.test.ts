import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDevice } from '@foretoken/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileTuningStore } from '../src/index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foretoken-tuning-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a store of tuning answers', () => {
  it('gives back what was saved under a name, and nothing under another', async () => {
    const store = fileTuningStore(join(folder, 'deep', 'down'));
    expect(await store.load('a')).toBeUndefined();
    await store.save('a', 'answers');
    expect(await fileTuningStore(join(folder, 'deep', 'down')).load('a')).toBe('answers');
    expect(await store.load('b')).toBeUndefined();
  });

  it('does not fail where nothing can be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const store = fileTuningStore(join(folder, 'file'));
    await store.save('a', 'answers');
    expect(await store.load('a')).toBeUndefined();
  });

  it('is read by the next device, which does not measure again', async () => {
    const store = fileTuningStore(folder);
    const first = await openDevice({ tuning: { store } });
    const [a, b] = [first.variable(new Float32Array(96 * 64), { shape: [96, 64] }), first.ones([64, 96])];
    await a.matmul(b).data();
    const { measured } = await first.tuner.tune({ budgetMilliseconds: 60_000, thorough: true });
    first.close();
    const second = await openDevice({ tuning: { store } });
    expect(second.tuner.choices.answers()).toEqual(
      Object.fromEntries(measured.map(({ key, chosen }) => [key, chosen])),
    );
    second.close();
  });

  it.each([
    ['is cut off', (text: string) => text.slice(0, text.length / 2)],
    ['is of another adapter', (text: string) => text.replace('"adapter": "', '"adapter": "another ')],
    ['is something else', () => '[1, 2, 3]'],
    ['names a way that there is not', (text: string) => text.replaceAll(/"\d+x\d+"/g, '"7x7"')],
  ])('is of no harm when its file %s', async (_, damage) => {
    const store = fileTuningStore(folder);
    const first = await openDevice({ tuning: { store } });
    const product = async (device: typeof first): Promise<number[]> => {
      const a = device.tensor(
        Float32Array.from({ length: 64 * 64 }, (_, at) => at % 7),
        { shape: [64, 64] },
      );
      return [...(await a.matmul(a).data())];
    };
    const expected = await product(first);
    await first.tuner.tune({ budgetMilliseconds: 60_000, thorough: true });
    first.close();
    const [name] = readdirSync(folder);
    const file = join(folder, name as string);
    writeFileSync(file, damage(readFileSync(file, 'utf8')));
    const second = await openDevice({ tuning: { store } });
    expect(await product(second)).toEqual(expected);
    second.close();
  });
});
