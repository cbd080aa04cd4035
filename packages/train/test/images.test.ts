import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadImageTask } from '@foretoken/data/node';
import { loadPretrainedClassifier } from '@foretoken/models/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  classifyImages,
  confusionMatrix,
  findRecipe,
  overrideRecipe,
  parseRecipe,
  type Recipe,
  RunFolder,
  readNormalization,
  recipeOfTask,
  Session,
  sequencesOf,
  type TrainEvent,
  train,
} from '../src/index.js';

let device: Device;
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-image-runs-'));
const path = (...names: string[]): string => join(scratch, ...names);

/** IDX of bytes. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}

/** Images of a bright bar, whose place tells the class. */
function writeBars(part: 'train' | 't10k', count: number): void {
  const pixels = new Uint8Array(count * 784);
  for (let image = 0; image < count; image++) {
    const top = 2 * (image % 10) + 3;
    for (let row = top; row < top + 3; row++)
      for (let column = 4; column < 24; column++)
        pixels[image * 784 + row * 28 + column] = 200 + (image % 37);
  }
  writeFileSync(path('bars', `${part}-images-idx3-ubyte`), idx([count, 28, 28], pixels));
  const labels = Uint8Array.from({ length: count }, (_, image) => image % 10);
  writeFileSync(path('bars', `${part}-labels-idx1-ubyte`), idx([count], labels));
}

beforeAll(async () => {
  device = await openDevice();
  mkdirSync(path('bars'));
  writeBars('train', 200);
  writeBars('t10k', 50);
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const recipe = (...changes: string[]): Recipe =>
  overrideRecipe(findRecipe('mnist-vit'), [
    `task.data=${path('bars')}`,
    'task.validationShare=0.2',
    'steps=8',
    'batch=16',
    'optimizer.warmupSteps=0',
    'model.width=16',
    'model.layers=1',
    'model.heads=2',
    'evaluation.every=4',
    'evaluation.questions=24',
    'evaluation.finalQuestions=50',
    'evaluation.lossExamples=40',
    'logEvery=1',
    ...changes,
  ]);

async function run(name: string, given: Recipe, stopAfter = Number.POSITIVE_INFINITY): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train({
    device,
    recipe: given,
    objective: 'classify',
    seed: 1,
    folder: path(name),
  })) {
    if (event.type !== 'phase') events.push(event);
    if (events.length > stopAfter) break;
  }
  return events;
}

describe('training on images', () => {
  it('goes on after interruptions with the same bits, and writes a model that others can read', async () => {
    const given = recipe('task.shift=1', 'task.mixup=0.3', 'model.dropout=0.1');
    const events = await run('whole', given);
    expect(events[0]).toMatchObject({
      type: 'start',
      tokensPerStep: 16 * 16,
      reports: [
        'MNIST train: 160 images of 28 x 28, 10 classes',
        'MNIST validation: 40 images of 28 x 28, 10 classes',
        'MNIST test: 50 images of 28 x 28, 10 classes',
      ],
    });
    for (const stopAfter of [4, 9]) await run('pieces', given, stopAfter);
    await run('pieces', given);
    const [whole, pieces] = ['whole', 'pieces'].map((name) => new RunFolder(path(name)));
    expect([...(pieces?.load()?.tensors ?? [])]).toEqual([...(whole?.load()?.tensors ?? [])]);
    const summary = whole?.summary();
    expect(summary).toMatchObject({ model: 'model', finalQuestions: 50, chance: 0.1 });
    expect(pieces?.summary()?.scores).toEqual(summary?.scores);

    const config = JSON.parse(readFileSync(path('whole', 'model', 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ model_type: 'vit', image_size: 28, patch_size: 7, num_channels: 1 });
    const normalization = readNormalization(path('whole', 'model'), 1);
    expect(normalization).toEqual({ mean: [0.1307], std: [0.3081] });
    const { model } = await loadPretrainedClassifier(device, path('whole', 'model'));
    const task = loadImageTask('mnist', { data: path('bars') });
    const images = await classifyImages(model, task, { split: 'test', batch: 16 });
    const right = images.filter(({ label, ranked }) => ranked[0] === label).length;
    expect(right / 50).toBe(summary?.scores['top1']);
    const matrix = confusionMatrix(images, 10);
    expect(matrix.map((row) => row.reduce((sum, count) => sum + count, 0))).toEqual(Array(10).fill(5));
    expect(matrix.reduce((sum, row, label) => sum + (row[label] as number), 0)).toBe(right);
    expect(
      (await classifyImages(model, task, { split: 'test', limit: 3, batch: 16 })).map(({ where }) => where),
    ).toEqual(['mnist:test:0', 'mnist:test:1', 'mnist:test:2']);
    model.dispose();
  });

  it('learns', async () => {
    await run(
      'learns',
      recipe('task.shift=0', 'steps=120', 'evaluation.every=120', 'optimizer.learningRate=5e-3'),
    );
    expect(new RunFolder(path('learns')).summary()?.scores['top1']).toBeGreaterThan(0.9);
  });

  it('measures the validation loss over images, whatever the batches are, without smoothing', async () => {
    const { work } = await Session.create(device, recipe(), 'classify', 0);
    const losses: number[] = [];
    for (const batch of [1, 7, 40]) {
      const loss = work.heldOutLoss(batch);
      losses.push(await loss.measure(33));
      loss.dispose();
    }
    expect(losses[1]).toBeCloseTo(losses[0] as number, 5);
    expect(losses[2]).toBeCloseTo(losses[0] as number, 5);
    work.dispose();
  });

  it('takes the same update from a batch in parts as from the whole', async () => {
    const figures: number[][] = [];
    for (const parts of [1, 4]) {
      const session = await Session.create(device, recipe(`optimizer.accumulate=${parts}`), 'classify', 0);
      figures.push([...(await session.update(0).figures.data())]);
      session.dispose();
    }
    const [whole, split] = figures as [number[], number[]];
    for (const [at, value] of whole.entries()) expect(split[at]).toBeCloseTo(value, 4);
  });

  it('goes on from a model that was trained, with a fresh head where classes differ', async () => {
    const from = path('whole', 'model');
    const given = parseRecipe({ ...recipe('steps=2', 'evaluation.every=2'), model: { from } });
    const [start] = await run('fine-tuned', given);
    expect(start).toMatchObject({ parameters: expect.any(Number) });
    expect(existsSync(path('fine-tuned', 'model', 'preprocessor_config.json'))).toBe(true);
  });
});

describe('recipes of images', () => {
  it('are found by their task', () => {
    expect(
      ['mnist', 'fashion-mnist', 'cifar10', 'star-graph'].map((name) => recipeOfTask(name).name),
    ).toEqual(['mnist-vit', 'fashion-mnist-vit', 'cifar10-vit', 'star-graph']);
    expect(() => recipeOfTask('mnits')).toThrow('no recipe ships for task "mnits". Did you mean mnist?');
  });

  it.each([
    ['objective=mutor', 'expected one of classify, got "mutor"'],
    ['model.patch=5', 'images of 28 x 28 cannot be cut into patches of 5 x 5'],
    ['model.heads=5', 'width (96) must be a multiple of heads (5)'],
    ['model.pooling=max', 'pooling'],
    ['task.mixup=3', 'mixup'],
  ])('refuse %s', (change, message) => {
    const [key, value] = change.split('=') as [string, string];
    const make = () =>
      key === 'objective'
        ? parseRecipe({ ...findRecipe('mnist-vit'), objective: value })
        : overrideRecipe(findRecipe('mnist-vit'), [change]);
    expect(make).toThrow(message);
  });

  it('have settings of their own, and none of language', () => {
    const change = (text: string) => () => overrideRecipe(findRecipe('mnist-vit'), [text]);
    expect(change('model.regsiters=2')).toThrow('Did you mean model.registers?');
    expect(change('mutor.maxOffset=2')).toThrow('no setting "mutor.maxOffset"');
    expect(change('model.registers=2')().model).toMatchObject({ registers: 2 });
  });

  it('are refused where sequences are wanted, and data that is not there in one line', async () => {
    const session = await Session.create(device, recipe(), 'classify', 0);
    expect(() => sequencesOf(session)).toThrow('mnist is no task of sequences.');
    session.dispose();
    await expect(Session.create(device, recipe(`task.data=${path('none')}`), 'classify', 0)).rejects.toThrow(
      /^mnist: there is no folder .*none\. Give the one/,
    );
  });
});
