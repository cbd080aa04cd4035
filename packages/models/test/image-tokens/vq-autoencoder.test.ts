import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad, HostRandom } from '@foretoken/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageCoder, trainVqAutoencoder, VqAutoencoder, type VqReport } from '../../src/index.js';
import { loadImageTokenizer, saveImageTokenizer } from '../../src/node/index.js';
import { useDevice } from '../support/device.js';

const gpu = useDevice();
const folder = mkdtempSync(join(tmpdir(), 'foretoken-vq-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const config = {
  image: { channels: 1, height: 8, width: 8 },
  patch: 4,
  codes: 8,
  codeWidth: 4,
  width: 16,
  layers: 1,
  heads: 2,
};
const create = (): VqAutoencoder => new VqAutoencoder(gpu.device, config, new HostRandom(3));

/** Images of four flat patches, each black, grey or white. */
const pixels = Uint8Array.from({ length: 60 * 64 }, (_, at) => {
  const [image, y, x] = [Math.floor(at / 64), Math.floor((at % 64) / 8), at % 8];
  const cell = 2 * Math.floor(y / 4) + Math.floor(x / 4);
  return [0, 128, 255][(image * 7 + cell * (1 + (image % 3))) % 3] as number;
});

describe('VqAutoencoder', () => {
  it('passes the gradient of the pixels by the choice of a code to the encoder', async () => {
    const model = create();
    const images = gpu.device.tensor(
      Float32Array.from(pixels.subarray(0, 256), (value) => value / 255),
      {
        shape: [4, 1, 8, 8],
      },
    );
    const { reconstruction, codebook, commitment } = model.train(images);
    const sizeOf = async (loss: typeof reconstruction, of: 'toCode' | 'codes'): Promise<number> => {
      const [found] = grad(loss, [model[of].weight]);
      const values = (await found?.data()) ?? [];
      return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    };
    expect(await sizeOf(reconstruction, 'toCode')).toBeGreaterThan(1e-6);
    // Each of the others moves one side alone, and both measure one distance.
    await expect(sizeOf(codebook, 'toCode')).rejects.toThrow('does not depend on');
    expect(await sizeOf(codebook, 'codes')).toBeGreaterThan(1e-6);
    await expect(sizeOf(commitment, 'codes')).rejects.toThrow('does not depend on');
    expect(await sizeOf(commitment, 'toCode')).toBeGreaterThan(1e-6);
    expect(await codebook.item()).toBeCloseTo(await commitment.item(), 6);
  });

  it('learns to draw images from few codes, reports their use, and is saved and loaded', async () => {
    const model = create();
    const reports: VqReport[] = [];
    const options = { steps: 200, batch: 16, learningRate: 5e-3, every: 20 };
    for await (const report of trainVqAutoencoder(model, pixels, options)) reports.push(report);
    const last = reports.at(-1) as VqReport;
    expect(last.step).toBe(200);
    expect(last.reconstruction).toBeLessThan(0.02);
    expect(last.used).toBeGreaterThanOrEqual(3);
    expect(last.perplexity).toBeLessThanOrEqual(last.used + 1e-9);
    const coder = new ImageCoder(model, 16);
    const tokens = await coder.encode(pixels);
    const drawn = await coder.decode(tokens);
    const error = drawn.reduce((sum, value, at) => sum + Math.abs(value - (pixels[at] as number)), 0);
    expect(error / drawn.length).toBeLessThan(40);

    const path = join(folder, 'vq');
    await saveImageTokenizer(model, path);
    const loaded = await loadImageTokenizer(gpu.device, path);
    expect(loaded.config).toEqual(model.config);
    const again = new ImageCoder(loaded, 16);
    expect(await again.encode(pixels)).toEqual(tokens);
    coder.dispose();
    again.dispose();
  });
});
