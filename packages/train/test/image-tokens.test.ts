import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageTokens } from '@foretoken/data';
import { type HostTensor, writeSafetensors } from '@foretoken/nn';
import { openDevice } from '@foretoken/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import {
  findRecipe,
  overrideRecipe,
  parseRecipe,
  readImageTokens,
  train,
  writeImageTokens,
} from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-image-tokens-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Images of 2 by 3 tokens: class c is the code c, then c + 1, .. */
const images: ImageTokens = {
  count: 48,
  height: 2,
  width: 3,
  codes: 8,
  classes: 3,
  tokens: Int32Array.from({ length: 48 * 6 }, (_, at) => ((Math.floor(at / 6) % 3) + (at % 6)) % 8),
  labels: Int32Array.from({ length: 48 }, (_, number) => number % 3),
};

describe('files of image tokens', () => {
  const path = join(folder, 'tokens.safetensors');
  const write = (tensors: Parameters<typeof writeSafetensors>[0], metadata = {}): void =>
    writeFileSync(path, writeSafetensors(tensors, metadata));
  const tokens: HostTensor = { data: images.tokens, shape: [48, 2, 3], dtype: 'i32' };
  const labels: HostTensor = { data: images.labels, shape: [48], dtype: 'i32' };

  it('are read as they were written', async () => {
    writeImageTokens(path, images, { tokenizer: 'a folder' });
    expect(await readImageTokens(path)).toEqual(images);
    const plain = { ...images, classes: 0, labels: new Int32Array(0) };
    writeImageTokens(path, plain);
    expect(await readImageTokens(path)).toEqual(plain);
  });

  it('of other programs need tokens and the size of the codebook; classes are counted', async () => {
    write(
      new Map([
        ['tokens', tokens],
        ['labels', labels],
      ]),
      { codes: '8' },
    );
    expect(await readImageTokens(path)).toEqual(images);
  });

  it('are refused with what is wrong', async () => {
    write(new Map([['codes', tokens]]), { codes: '8' });
    await expect(readImageTokens(path)).rejects.toThrow(
      /expected a tensor tokens \[images, rows, columns\], got only codes/,
    );
    write(new Map([['tokens', tokens]]));
    await expect(readImageTokens(path)).rejects.toThrow(/metadata codes is missing/);
    write(new Map([['tokens', tokens]]), { codes: '7' });
    await expect(readImageTokens(path)).rejects.toThrow(/tokens.safetensors: token 7 at 17/);
    writeFileSync(path, 'no safetensors at all');
    await expect(readImageTokens(path)).rejects.toThrow(/tokens.safetensors: safetensors/);
    await expect(readImageTokens(join(folder, 'none'))).rejects.toThrow(
      /there is no such file or folder. "foretoken images tokens"/,
    );
  });
});

describe('the task kind image-tokens', () => {
  const train0 = join(folder, 'train.safetensors');
  const recipe = () => {
    writeImageTokens(train0, images);
    return parseRecipe({
      name: 'tiny',
      task: { kind: 'image-tokens', files: { train: train0 }, validationShare: 0.25 },
      model: { width: 16, layers: 1, heads: 2 },
      objectives: {
        mtp: { heads: 2 },
        mutor: { maxOffset: 2, registers: 'everywhere', grid: { height: 2, width: 3 } },
      },
      optimizer: { learningRate: 1e-2 },
      batch: 8,
      steps: 12,
      evaluation: { every: 12 },
      logEvery: 4,
    });
  };

  it.each([
    ['ntp', []],
    ['mtp', []],
    ['mutor', []],
    ['mutor', ['mutor.offsets=grid', 'mutor.registerCount=2', 'mutor.wrappedTargets=mask']],
  ] as const)('trains %s with %j', async (objective, overrides) => {
    const device = await openDevice();
    try {
      const losses: number[] = [];
      const path = join(folder, `${objective}${overrides.length}`);
      const chosen = overrideRecipe(recipe(), overrides);
      for await (const event of train({ device, recipe: chosen, objective, seed: 0, folder: path })) {
        if (event.type === 'evaluation' && event.validationLoss !== undefined)
          losses.push(event.validationLoss);
      }
      // The output begins at 0, so that all codes are alike.
      expect(losses[0]).toBeCloseTo(Math.log(8), 4);
      expect(losses.at(-1)).toBeLessThan(1.6);
    } finally {
      device.close();
    }
  });

  it.each(['mnist', 'fashion-mnist'])('ships a recipe for %s', (dataSet) => {
    const shipped = findRecipe(`${dataSet}-tokens`);
    expect(shipped.task).toMatchObject({ files: { train: `tokens/${dataSet}/train.safetensors` } });
    const grid = overrideRecipe(shipped, ['mutor.offsets=grid', 'mutor.registerCount=15']);
    expect(grid.objectives['mutor']).toMatchObject({ grid: { height: 7, width: 7 }, offsets: 'grid' });
  });
});
