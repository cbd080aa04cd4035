import type { Linear } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  ImageClassifier,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
  patchVectors,
  vitConfig,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { relativeError } from './support/reference.js';

const gpu = useDevice();

const image = { height: 4, width: 6, channels: 2 };
const trunk = {
  width: 16,
  layers: 2,
  heads: 2,
  initialization: { input: 'fanIn', residual: 'fanIn' },
} as const;
const base: ImageClassifierConfigInput = { image, patch: 2, classes: 5, trunk: vitConfig(trunk) };

const create = (changes: Partial<ImageClassifierConfigInput> = {}): ImageClassifier =>
  new ImageClassifier(gpu.device, { ...base, ...changes }, new HostRandom(4));

const pixelsOf = (values: ArrayLike<number>): Tensor =>
  gpu.device.tensor(Float32Array.from(values), { shape: [values.length / 48, 2, 4, 6] });

const noise = (count: number): number[] => Array.from({ length: 48 * count }, (_, at) => Math.sin(at * 1.7));

/** An image whose two patches have changed places. */
function swapped(pixels: readonly number[], one: number, other: number): number[] {
  const place = (patch: number, channel: number, row: number, column: number): number =>
    channel * 24 + (2 * Math.floor(patch / 3) + row) * 6 + 2 * (patch % 3) + column;
  const result = [...pixels];
  for (let at = 0; at < 8; at++) {
    const inPatch = [at >> 2, (at >> 1) & 1, at & 1] as const;
    result[place(one, ...inPatch)] = pixels[place(other, ...inPatch)] as number;
    result[place(other, ...inPatch)] = pixels[place(one, ...inPatch)] as number;
  }
  return result;
}

describe('patches', () => {
  it('lie row by row, their pixels channel by channel', async () => {
    const count = Array.from({ length: 96 }, (_, at) => at);
    const vectors = patchVectors(pixelsOf(count), 2);
    expect(vectors.shape).toEqual([2, 6, 8]);
    const found = await vectors.data();
    const expected: number[] = [];
    for (let picture = 0; picture < 2; picture++)
      for (let row = 0; row < 2; row++)
        for (let column = 0; column < 3; column++)
          for (let channel = 0; channel < 2; channel++)
            for (let down = 0; down < 2; down++)
              for (let right = 0; right < 2; right++)
                expected.push(picture * 48 + channel * 24 + (2 * row + down) * 6 + 2 * column + right);
    expect([...found]).toEqual(expected);
  });
});

describe('a classifier of images', () => {
  it('is one transformer with tokens in front, an embedding of patches and a head', () => {
    const model = create({ registers: 3, distillation: 'head' });
    expect(model.trunk.config).toMatchObject({
      vocabularySize: 5,
      maxPositions: 11,
      grid: { height: 2, width: 3, before: 5 },
      tiedEmbeddings: true,
    });
    expect([...model.parameters().keys()].filter((name) => !name.startsWith('trunk.blocks'))).toEqual([
      'patchEmbedding.weight',
      'patchEmbedding.bias',
      'trunk.embeddings.0.weight',
      'trunk.positions.weight',
      'trunk.finalNorm.weight',
      'trunk.finalNorm.bias',
      'head.weight',
      'head.bias',
      'distillationHead.weight',
      'distillationHead.bias',
    ]);
    expect(model.forward(pixelsOf(noise(2))).shape).toEqual([2, 5]);
    expect(model.features(pixelsOf(noise(2))).shape).toEqual([2, 16]);
    expect(model.hidden(pixelsOf(noise(1))).shape).toEqual([1, 11, 16]);
    model.dispose();
  });

  it.each(['none', 'learned', 'sinusoidal2d', 'rotary2d'] as const)(
    'sees where patches are by %s positions, and sees all of them',
    async (positions) => {
      const model = create({ trunk: vitConfig({ ...trunk, positions }), pooling: 'mean', classToken: false });
      const pixels = noise(1);
      const logits = await model.forward(pixelsOf(pixels)).data();
      const moved = await model.forward(pixelsOf(swapped(pixels, 0, 5))).data();
      if (positions === 'none') expect(relativeError(moved, logits)).toBeLessThan(1e-5);
      else expect(relativeError(moved, logits)).toBeGreaterThan(1e-4);
      // The first patch hears of the last one: nothing is causal.
      const changed = pixels.map((value, at) => (at === 47 ? value + 1 : value));
      const [before, after] = [pixels, changed].map((values) =>
        model.hidden(pixelsOf(values)).slice(1, 0, 1),
      );
      expect(relativeError(await (after as Tensor).data(), await (before as Tensor).data())).toBeGreaterThan(
        1e-4,
      );
      model.dispose();
    },
  );

  it('treats images of a batch each by itself', async () => {
    const model = create({ registers: 1 });
    const [first, second] = [noise(2).slice(0, 48), noise(2).slice(48)];
    const both = await model.forward(pixelsOf([...first, ...second])).data();
    const alone = await model.forward(pixelsOf(second)).data();
    expect(relativeError(both.subarray(5), alone)).toBeLessThan(1e-5);
    model.dispose();
  });

  it('averages the logits of its two heads', async () => {
    const model = create({ distillation: 'head' });
    const pixels = pixelsOf(noise(1));
    const hidden = model.hidden(pixels);
    const one = await model.head.forward(hidden.slice(1, 0, 1)).data();
    const second = model.distillationHead as Linear;
    const other = await second.forward(hidden.slice(1, 1, 2)).data();
    const logits = await model.forward(pixels).data();
    expect(
      relativeError(
        logits,
        [...one].map((value, at) => (value + (other[at] as number)) / 2),
      ),
    ).toBeLessThan(1e-5);
    model.dispose();
  });

  it('drops out only where it is given a key', async () => {
    const model = create({ trunk: vitConfig({ ...trunk, dropout: 0.5 }) });
    const pixels = pixelsOf(noise(1));
    const logits = async (key?: number) => {
      const dropoutKey =
        key === undefined ? undefined : gpu.device.tensor(Uint32Array.of(key, 1), { shape: [2] });
      return [...(await model.forward(pixels, { dropoutKey }).data())];
    };
    expect(await logits()).toEqual(await logits());
    expect(await logits(1)).not.toEqual(await logits(2));
    expect(await logits(1)).toEqual(await logits(1));
    model.dispose();
  });

  it('refuses images of another shape', () => {
    const model = create();
    expect(() => model.forward(gpu.device.zeros([1, 1, 4, 6]))).toThrow(
      'expected pixels [batch, 2, 4, 6] (2 x 3 patches), got [1, 1, 4, 6].',
    );
    model.dispose();
  });
});

describe('a config of a classifier', () => {
  it('passes unchanged once it is complete', () => {
    const complete = imageClassifierConfig({ ...base, registers: 2 });
    expect(imageClassifierConfig(complete)).toEqual(complete);
  });

  it.each<[Partial<ImageClassifierConfigInput>, string]>([
    [{ patch: 4 }, 'images of 4 x 6 cannot be cut into patches of 4 x 4'],
    [{ classToken: false }, "pooling 'class' needs classToken"],
    [{ distillation: 'head', pooling: 'mean' }, "a distillation head needs pooling 'class'"],
    [{ classes: 0 }, 'classes'],
    [{ trunk: { ...vitConfig(trunk), heads: 3, headWidth: 7.5 } }, 'headWidth'],
  ])('is refused: %j', (changes, message) => {
    expect(() => imageClassifierConfig({ ...base, ...changes })).toThrow(message);
  });

  it('knows ViT-B/16', () => {
    expect(vitConfig()).toMatchObject({ width: 768, layers: 12, heads: 12, maxPositions: 197, mlp: 'gelu' });
  });
});
