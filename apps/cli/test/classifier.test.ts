// N images, C channels.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, HostRandom, openDevice } from '@foretoken/tensor';
import { findRecipe, overrideRecipe, train } from '@foretoken/train';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Classifier } from '../src/images/classifier.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-classifier-'));
const run = join(scratch, 'run');
const IMAGE = 3 * 32 * 32;
let device: Device;

const noise = (count: number, seed: number): Uint8Array => {
  const random = new HostRandom(seed);
  return Uint8Array.from({ length: count * IMAGE }, () => random.integer(256));
};

beforeAll(async () => {
  device = await openDevice();
  // Colour, so that each channel has a mean and a deviation of its own.
  const data = join(scratch, 'data');
  mkdirSync(data);
  for (const [name, count] of [
    ['data_batch_1', 20],
    ['test_batch', 10],
  ] as const) {
    const pixels = noise(count, count);
    const records = Array.from({ length: count }, (_, at) =>
      Buffer.concat([Uint8Array.of(at % 10), pixels.subarray(at * IMAGE, (at + 1) * IMAGE)]),
    );
    writeFileSync(join(data, `${name}.bin`), Buffer.concat(records));
  }
  const settings = [`task.data=${data}`, 'task.validationShare=0.2', 'steps=3', 'batch=8', 'logEvery=1'];
  const model = ['model.width=16', 'model.layers=1', 'model.heads=2', 'model.patch=16'];
  const evaluation = ['every=3', 'questions=4', 'finalQuestions=4', 'lossExamples=4'];
  const recipe = overrideRecipe(findRecipe('cifar10-vit'), [
    ...[...settings, ...model, ...evaluation.map((setting) => `evaluation.${setting}`)],
    'optimizer.warmupSteps=0',
  ]);
  for await (const _ of train({ device, recipe, objective: 'classify', seed: 0, folder: run }));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

it('features and classes are those of the model on the same images, a part of a batch included', async () => {
  const classifier = await Classifier.open(device, run);
  const count = 133;
  const pixels = noise(count, 1);
  const seen = await classifier.look(pixels);
  const { mean, std } = classifier.task.normalization;
  const normalized = Float32Array.from(pixels, (value, at) => {
    const channel = Math.floor(at / 1024) % 3;
    return (value / 255 - (mean[channel] as number)) / (std[channel] as number);
  });
  const images = device.tensor(normalized, { shape: [count, 3, 32, 32] });
  const features = (await classifier.model.features(images).data()) as Float32Array;
  const classes = await classifier.model.forward(images).argmax(-1).data();
  expect(seen.features).toMatchObject({ count, width: 16 });
  expect(seen.features.values).toHaveLength(features.length);
  const apart = features.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (seen.features.values[at] as number))),
    0,
  );
  expect(apart).toBeLessThan(1e-4);
  expect(seen.classes).toEqual(classes);
  // The comparison would say nothing if all images were alike to the model.
  expect(new Set(classes).size).toBeGreaterThan(1);
  classifier.dispose();
});

it('images of another shape are refused', async () => {
  const classifier = await Classifier.open(device, run);
  classifier.checkShape({ channels: 3, height: 32, width: 32 });
  expect(() => classifier.checkShape({ channels: 1, height: 32, width: 32 })).toThrow(
    '--classifier: it reads images of 3 x 32 x 32, the tokens are of 1 x 32 x 32.',
  );
  classifier.dispose();
});
