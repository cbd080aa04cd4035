import { ImageClassifier, type ImageClassifierConfigInput, vitConfig } from '@foretoken/models';
import { takeGradients } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { allObjectives, Classify, createFrom, type ImageBatch, imageObjectiveKinds } from '../src/index.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();

const config: ImageClassifierConfigInput = {
  image: { height: 4, width: 6, channels: 2 },
  patch: 2,
  classes: 3,
  registers: 1,
  trunk: vitConfig({
    width: 8,
    layers: 1,
    heads: 2,
    positions: 'rotary2d',
    initialization: { embedding: 0.7, input: 'fanIn', residual: 'fanIn', output: 0.5 },
  }),
};

const create = (): ImageClassifier => new ImageClassifier(gpu.device, config, new HostRandom(2));

/** Two images and labels that are soft; the third counts for nothing. */
const batch: ImageBatch = {
  batch: 3,
  image: config.image,
  classes: 3,
  pixels: Float32Array.from({ length: 3 * 48 }, (_, at) => Math.sin(at * 1.3)),
  labels: Float32Array.of(0.7, 0.2, 0.1, 0, 1, 0, 0, 0, 0),
};

const inputsOf = (source: ImageBatch): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(new Classify().prepare(source)).map(([name, { data, shape }]) => [
      name,
      gpu.device.tensor(data as Float32Array, { shape }),
    ]),
  );

const lossOf = (model: ImageClassifier, source: ImageBatch = batch): Tensor =>
  new Classify().loss(model, inputsOf(source)).loss;

/** The same loss in double precision, from logits. */
async function naiveLoss(model: ImageClassifier): Promise<number> {
  const logits = await model.forward(inputsOf(batch)['pixels'] as Tensor).data();
  let [sum, weight] = [0, 0];
  for (let row = 0; row < 3; row++) {
    const own = Array.from(logits.subarray(3 * row, 3 * row + 3));
    const total = Math.log(own.reduce((all, value) => all + Math.exp(value), 0));
    for (const [label, value] of own.entries()) {
      const share = batch.labels[3 * row + label] as number;
      sum -= share * (value - total);
      weight += share;
    }
  }
  return sum / weight;
}

describe('classification', () => {
  it('is the cross-entropy with soft labels, over images that count', async () => {
    const model = create();
    expect(await lossOf(model).item()).toBeCloseTo(await naiveLoss(model), 5);
    const none = { ...batch, labels: new Float32Array(9) };
    expect(Math.abs(await lossOf(model, none).item())).toBe(0);
    model.dispose();
  });

  it('has the gradients of finite differences in every parameter', async () => {
    const model = create();
    lossOf(model).backward();
    const gradients = takeGradients(model.parameters());
    expect([...gradients.keys()]).toEqual([...model.parameters().keys()]);
    const found = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) found.set(name, (await gradient.data()) as Float32Array);
    const direction = new HostRandom(5);
    const step = 1e-2;
    for (const [name, variable] of model.parameters()) {
      const before = Float32Array.from((await variable.data()) as Float32Array);
      const along = before.map(() => direction.normal());
      const length = Math.hypot(...along);
      const at = async (distance: number): Promise<number> => {
        variable.load(before.map((value, place) => value + (distance * (along[place] as number)) / length));
        return lossOf(model).item();
      };
      const slope = ((await at(step)) - (await at(-step))) / (2 * step);
      variable.load(before);
      const gradient = found.get(name) as Float32Array;
      const expected =
        gradient.reduce((sum, value, place) => sum + value * (along[place] as number), 0) / length;
      expect(Math.abs(slope - expected), name).toBeLessThan(2e-3 * Math.max(1, Math.abs(expected)));
    }
    model.dispose();
  });

  it('costs what its products take, counted by hand', () => {
    const model = create();
    // Per image: 6 patches of 8 numbers to width 8; 8 tokens of 4 projections and an MLP, scores and mixture over 8 keys.
    const products = 6 * 8 * 8 + 8 * (4 * 64 + 2 * 8 * 32 + 2 * 8 * 8) + 3 * 8;
    expect(new Classify().cost(model.config, 5)).toEqual({ flops: 3 * 2 * 5 * products, tokens: 5 * 6 });
    model.dispose();
  });

  it('refuses arrays that do not belong together', () => {
    const prepare = (changes: Partial<ImageBatch>) => () => new Classify().prepare({ ...batch, ...changes });
    expect(prepare({ batch: 2 })).toThrow('classify: expected pixels [2, 2, 4, 6] of 96 values, got 144.');
    expect(prepare({ classes: 4 })).toThrow('classify: expected labels [3, 4] of 12 values, got 9.');
  });

  it('is made by its name, and listed behind the objectives on sequences', () => {
    const model = create();
    const context = { device: gpu.device, modelConfig: model.config, random: new HostRandom(1) };
    expect(createFrom(imageObjectiveKinds, 'classify', {}, context).name).toBe('classify');
    expect(() => createFrom(imageObjectiveKinds, 'ntp', {}, context)).toThrow(
      'objective: expected one of classify, got "ntp".',
    );
    expect(() => createFrom(imageObjectiveKinds, 'classify', { smoothing: 1 }, context)).toThrow(
      'objective classify: no setting "smoothing". It has none.',
    );
    expect(allObjectives.at(-1)?.name).toBe('classify');
    model.dispose();
  });
});
