import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostRandom } from '@foretoken/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import {
  codeUsage,
  ImageCoder,
  imageTokenizerConfig,
  PatchCodebook,
  patchPixels,
  tokenGrid,
} from '../../src/index.js';
import { loadImageTokenizer, saveImageTokenizer } from '../../src/node/index.js';
import { patchVectors } from '../../src/vision/patches.js';
import { useDevice } from '../support/device.js';

const gpu = useDevice();
const folder = mkdtempSync(join(tmpdir(), 'foretoken-image-tokens-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const config = { image: { channels: 2, height: 4, width: 6 }, patch: 2, codes: 4 };

/** A codebook of patches of one brightness each: 0, 1/3, 2/3 and 1. */
function greyCodebook(): PatchCodebook {
  const tokenizer = new PatchCodebook(gpu.device, config);
  tokenizer.loadCodes(Float32Array.from({ length: 4 * 8 }, (_, at) => Math.floor(at / 8) / 3));
  return tokenizer;
}

it('patches are put together again as they were cut', async () => {
  const random = new HostRandom(1);
  const pixels = Float32Array.from({ length: 3 * 48 }, () => random.uniform());
  const images = gpu.device.tensor(pixels, { shape: [3, 2, 4, 6] });
  const back = patchPixels(patchVectors(images, 2), config.image, 2);
  expect(back.shape).toEqual([3, 2, 4, 6]);
  expect(await back.data()).toEqual(pixels);
});

describe('PatchCodebook', () => {
  it('gives each patch its nearest code, row by row, and draws the codes', async () => {
    const coder = new ImageCoder(greyCodebook(), 2);
    // Patches of two rows and three columns; both channels alike, a little off the codes.
    const tones = [0, 1, 2, 3, 2, 1];
    const image = Array.from({ length: 2 * 4 * 6 }, (_, at) => {
      const [row, column] = [Math.floor((at % 24) / 6), at % 6];
      const tone = tones[Math.floor(row / 2) * 3 + Math.floor(column / 2)] as number;
      return tone * 85 + (tone === 3 ? -20 : 20);
    });
    const tokens = await coder.encode([...image, ...image, ...image]);
    expect(Array.from(tokens)).toEqual([...tones, ...tones, ...tones]);
    const drawn = await coder.decode(tokens);
    expect(Array.from(drawn.subarray(0, 6))).toEqual([0, 0, 85, 85, 170, 170]);
    expect(await coder.encode(drawn)).toEqual(tokens);
    expect(tokenGrid(coder.tokenizer.config)).toEqual({ height: 2, width: 3 });
    await expect(coder.encode([1, 2, 3])).rejects.toThrow('3 pixels are no whole number of images of 48.');
    coder.dispose();
  });

  it('is saved and loaded', async () => {
    const tokenizer = greyCodebook();
    const path = join(folder, 'grey');
    await saveImageTokenizer(tokenizer, path);
    const loaded = await loadImageTokenizer(gpu.device, path);
    expect(loaded.config).toEqual({ kind: 'patch-codebook', ...config });
    expect(await loaded.stateDict()).toEqual(await tokenizer.stateDict());
  });

  it('refuses files that do not fit, naming them', async () => {
    const path = join(folder, 'broken');
    await saveImageTokenizer(greyCodebook(), path);
    const configPath = join(path, 'config.json');
    const good = JSON.parse(readFileSync(configPath, 'utf8')) as object;
    const change = (changes: object): void =>
      writeFileSync(configPath, JSON.stringify({ ...good, ...changes }));
    change({ codes: 5 });
    await expect(loadImageTokenizer(gpu.device, path)).rejects.toThrow(/model.safetensors: .*codes.weight/);
    change({ patch: 4 });
    await expect(loadImageTokenizer(gpu.device, path)).rejects.toThrow(
      /config.json: .*images of 4 x 6 do not divide into patches of 4 x 4/,
    );
    change({ kind: 'jpeg' });
    await expect(loadImageTokenizer(gpu.device, path)).rejects.toThrow(/config.json: .*kind/);
    await expect(loadImageTokenizer(gpu.device, join(folder, 'absent'))).rejects.toThrow(/no such file/);
  });
});

it('a config is refused in one line with all that is wrong', () => {
  const wrong = { ...config, kind: 'vq-autoencoder', patch: 4, width: 30, heads: 4 };
  expect(() => imageTokenizerConfig(wrong)).toThrow(
    /^image tokenizer: patch: images of 4 x 6 do not divide into patches of 4 x 4. heads: width \(30\) must be a multiple of heads \(4\).$/,
  );
  expect(() => imageTokenizerConfig({ kind: 'patch-codebook' })).toThrow(
    /^image tokenizer: image: .*codes: [^\n]*$/,
  );
});

it('usage counts codes that occur, and perplexity as many equally frequent ones', () => {
  expect(codeUsage([0, 1, 2, 3], 8)).toEqual({ used: 4, perplexity: expect.closeTo(4, 10) as number });
  expect(codeUsage([5, 5, 5], 8)).toEqual({ used: 1, perplexity: 1 });
  const { perplexity } = codeUsage([0, 0, 0, 1], 2);
  // exp(-(3/4 ln 3/4 + 1/4 ln 1/4)) = 4 / 3^(3/4)
  expect(perplexity).toBeCloseTo(4 / 3 ** 0.75, 10);
});
