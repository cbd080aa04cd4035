// The commands `foretoken images ..` as a program, on tiny images: 2 x 2 tokens of 8 codes.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HostTensor, writeSafetensors } from '@foretoken/nn';
import { readImageTokens } from '@foretoken/train';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MadeTokens } from '../src/images/make-tokens.js';
import { writeImages } from './image-files.js';
import { built, foretoken } from './program.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-image-generation-'));
const path = (...parts: string[]): string => join(scratch, ...parts);
afterAll(() => rmSync(scratch, { recursive: true }));

interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** What a command that must succeed prints. */
async function output(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await foretoken(args);
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
}

async function json<Result>(...args: string[]): Promise<Result> {
  return JSON.parse((await output(...args, '--json')).stdout) as Result;
}

const tokens = (...args: string[]): string[] => [
  'images',
  'tokens',
  'mnist',
  '--data',
  path('data'),
  ...args,
];
const sizeOf = (file: string): number[] => {
  const { width, height } = PNG.sync.read(readFileSync(file));
  return [width, height];
};

/** A codebook of grey patches, for images of 2 x 2 of them. */
function writeCodebook(folder: string, patch: number, codes: number): void {
  const width = patch * patch;
  const image = { channels: 1, height: 2 * patch, width: 2 * patch };
  const data = Float32Array.from({ length: codes * width }, (_, at) => Math.floor(at / width) / codes);
  const tensors = new Map<string, HostTensor>([
    ['codes.weight', { data, shape: [codes, width], dtype: 'f32' }],
  ]);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ kind: 'patch-codebook', image, patch, codes }));
  writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(tensors));
}

beforeAll(() => {
  // Brightness grows with the class, and falls from left to right.
  writeImages(path('data', 'mnist'), { train: 40, t10k: 20 }, (label, _, column) => 25 * label + 27 - column);
  writeCodebook(path('fewer-codes'), 14, 6);
  writeCodebook(path('smaller-images'), 7, 8);
});

describe.skipIf(!built)('foretoken images', () => {
  beforeAll(async () => {
    await output(
      ...tokens(
        '--out',
        path('tokens'),
        '--kind',
        'autoencoder',
        '--patch',
        '14',
        '--codes',
        '8',
        '--steps',
        '4',
      ),
      ...['--batch', '8', '--width', '16', '--layers', '1', '--heads', '2', '--code-width', '4'],
    );
    const shared = {
      model: { width: 16, layers: 1, heads: 2 },
      batch: 8,
      steps: 3,
      evaluation: { every: 3, lossExamples: 4, bestBy: 'last' },
      logEvery: 1,
    };
    const files = { train: path('tokens', 'train.safetensors'), test: path('tokens', 'test.safetensors') };
    const recipes = {
      run: { base: 'mnist-tokens', ...shared, task: { kind: 'image-tokens', files } },
      classifier: {
        base: 'mnist-vit',
        ...shared,
        evaluation: { ...shared.evaluation, questions: 4, finalQuestions: 4 },
        task: { kind: 'mnist', data: path('data'), validationShare: 0.1 },
      },
    };
    for (const [name, recipe] of Object.entries(recipes)) {
      writeFileSync(path(`${name}.json`), JSON.stringify(recipe));
      await output('train', '--recipe', path(`${name}.json`), '--out', path(name));
    }
    // The same run, whose file of training tokens is cut off.
    cpSync(path('run'), path('broken-run'), { recursive: true });
    const record = readFileSync(path('run', 'config.json'), 'utf8');
    writeFileSync(
      path('broken-run', 'config.json'),
      record.replaceAll(files.train, path('broken.safetensors')),
    );
    writeFileSync(path('broken.safetensors'), readFileSync(files.train).subarray(0, 100));
  }, 300_000);

  it('tokens learns a codebook, and writes tokens, tokenizer and picture', async () => {
    const out = path('codebook');
    const learning = ['--patch', '14', '--codes', '8', '--rounds', '5', '--images', '30', '--seed', '1'];
    const made = await json<MadeTokens>(...tokens('--out', out, ...learning));
    expect(made).toMatchObject({ height: 2, width: 2, codes: 8, tokenizer: join(out, 'tokenizer') });
    for (const [split, images] of [
      ['train', 40],
      ['test', 20],
    ] as const) {
      const file = join(out, `${split}.safetensors`);
      expect(made[split]).toMatchObject({ file, images });
      expect(made[split].perplexity).toBeLessThanOrEqual(made[split].used + 1e-9);
      expect(made[split].peakSignalToNoise).toBeGreaterThan(20);
      const written = await readImageTokens(file);
      expect(written).toMatchObject({ count: images, height: 2, width: 2, codes: 8, classes: 10 });
      expect(new Set(written.tokens).size).toBe(made[split].used);
      expect([...written.labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    }
    // 20 images of 56 x 56 with gaps of 2, and what is drawn of their tokens below.
    expect(sizeOf(made.picture)).toEqual([20 * 58 + 2, 2 * 58 + 2]);
  });

  it('tokens trains an autoencoder, and encodes with one that is there', async () => {
    const out = path('autoencoder');
    const sizes = ['--width', '16', '--layers', '1', '--heads', '2', '--code-width', '4', '--codes', '8'];
    const learning = ['--kind', 'autoencoder', '--patch', '14', '--steps', '60', '--batch', '8'];
    const { stdout, stderr } = await output(...tokens('--out', out, ...sizes, ...learning));
    expect(stderr).toMatch(/^autoencoder, step 1 of 60: .* dB, .* codes used/m);
    expect(stderr).toMatch(/^autoencoder, step 60 of 60: /m);
    expect(stdout).toMatch(
      /test.safetensors: 20 images, \d of 8 codes used .*, perplexity \d\.\d; drawn again with \d+/,
    );
    expect(JSON.parse(readFileSync(join(out, 'tokenizer', 'config.json'), 'utf8'))).toMatchObject({
      ...{ kind: 'vq-autoencoder', patch: 14, codes: 8, codeWidth: 4, width: 16, layers: 1, heads: 2 },
      image: { channels: 1, height: 28, width: 28 },
    });
    const given = ['--tokenizer', join(out, 'tokenizer')];
    const again = await json<MadeTokens>(...tokens('--out', path('again'), ...given));
    for (const { file } of [again.train, again.test]) {
      const before = file.replace(path('again'), out);
      expect(readFileSync(file)).toEqual(readFileSync(before));
    }
    // A dark image and a bright one have other codes, and look like it.
    expect(again.test.used).toBeGreaterThan(1);
    expect(again.test.peakSignalToNoise).toBeGreaterThan(8);
  });

  it('generate draws a row for each class, by the seed', async () => {
    const draw = (name: string, seed: string) =>
      json<{ labels: number[]; images: number; guidance: number }>(
        ...['images', 'generate', '--run', path('run'), '--classes', '7,0-1', '--each', '2', '--seed', seed],
        ...['--out', path(`${name}.png`), '--tokens', path(`${name}.safetensors`)],
      );
    const drawn = await draw('first', '3');
    expect(drawn).toMatchObject({ labels: [7, 7, 0, 0, 1, 1], images: 6, guidance: 2 });
    expect(sizeOf(path('first.png'))).toEqual([2 * 58 + 2, 3 * 58 + 2]);
    const written = await readImageTokens(path('first.safetensors'));
    expect(written).toMatchObject({ count: 6, height: 2, width: 2, codes: 8, classes: 10 });
    expect([...written.labels]).toEqual(drawn.labels);
    await draw('second', '3');
    await draw('other', '4');
    const bytes = (name: string): Buffer => readFileSync(path(name));
    expect(bytes('second.png')).toEqual(bytes('first.png'));
    expect(bytes('second.safetensors')).toEqual(bytes('first.safetensors'));
    expect(bytes('other.safetensors')).not.toEqual(bytes('first.safetensors'));
  });

  it('evaluate tells the loss, and figures of samples with intervals', async () => {
    const evaluated = await json<{ testLoss: Interval; figures: Record<string, Interval> }>(
      ...['images', 'evaluate', '--run', path('run'), '--classifier', path('classifier'), '--samples', '20'],
      ...['--test-images', '15', '--batch', '16'],
    );
    expect(evaluated).toMatchObject({ objective: 'ntp', testImages: 15, figures: { samples: 20 } });
    const { testLoss, figures } = evaluated;
    // The output begins at 0, so that three steps leave it near that of codes which are all alike.
    expect(testLoss.mean).toBeGreaterThan(0.1);
    expect(testLoss.mean).toBeLessThan(Math.log(8) + 0.1);
    expect(testLoss.low).toBeLessThanOrEqual(testLoss.mean);
    expect(testLoss.high).toBeGreaterThanOrEqual(testLoss.mean);
    for (const name of ['accuracy', 'precision', 'recall']) {
      const { mean, low, high } = figures[name] as Interval;
      const ordered = [0, low, mean, high, 1];
      expect(ordered, name).toEqual([...ordered].sort((a, b) => a - b));
      expect(high, name).toBeGreaterThan(low);
    }
    const { mean, low, high } = figures['frechetDistance'] as Interval;
    expect(mean).toBeGreaterThan(0);
    expect(high).toBeGreaterThan(low);
  });

  const run = ['--run', path('run')];
  const judged = ['--classifier', path('classifier')];
  let refused = 0;
  it.each<[string, string[], RegExp]>([
    ['a missing run', ['generate', '--run', 'nowhere'], /^nowhere: no finished run with a checkpoint/],
    [
      'a run of another kind',
      ['generate', '--run', path('classifier')],
      /classifier: the run is of mnist, not of image tokens\.$/,
    ],
    [
      'a tokenizer of other codes',
      ['generate', ...run, '--tokenizer', path('fewer-codes')],
      /fewer-codes: a tokenizer of 2 x 2 tokens and 6 codes, the run has 2 x 2 and 8\./,
    ],
    [
      'a tokenizer that is not there',
      ['generate', ...run, '--tokenizer', 'nowhere'],
      /^.*nowhere.config\.json.*: there is no such file/,
    ],
    [
      'a class that is not there',
      ['generate', ...run, '--classes', '9-11'],
      /^--classes 10: the classes of the run are 0 to 9\.$/,
    ],
    [
      'a broken file of tokens',
      ['generate', '--run', path('broken-run')],
      /^.*broken\.safetensors has changed since the run in .* began\. /,
    ],
    [
      'a classifier of another shape of images',
      ['evaluate', ...run, ...judged, '--tokenizer', path('smaller-images'), '--samples', '20'],
      /^--classifier: it reads images of 1 x 28 x 28, the tokens are of 1 x 14 x 14\.$/,
    ],
    [
      'a classifier that is none',
      ['evaluate', ...run, '--classifier', path('run')],
      /run: the run is of image-tokens, not of a classifier of images\.$/,
    ],
    [
      'more samples than test images',
      ['evaluate', ...run, ...judged, '--samples', '30'],
      /^--samples 30: mnist has only 20 test images to compare with\.$/,
    ],
    [
      'a tokenizer of images of another shape',
      tokens('--tokenizer', path('smaller-images')).slice(1),
      /^--tokenizer .*: it reads images of 1 x 14 x 14, those of MNIST are 1 x 28 x 28\.$/,
    ],
    [
      'patches that do not fit',
      tokens('--patch', '5').slice(1),
      /^image tokenizer: patch: images of 28 x 28 do not divide into patches of 5 x 5\.$/,
    ],
    [
      'a flag of the other kind',
      tokens('--code-width', '4').slice(1),
      /^--code-width: a tokenizer of --kind codebook has none\. Give --kind autoencoder\.$/,
    ],
    [
      'learning with a tokenizer that is there',
      tokens('--codes', '4', '--tokenizer', path('fewer-codes')).slice(1),
      /^--codes: nothing is learned with --tokenizer\. Leave one of them out\.$/,
    ],
  ])('refuses %s in one line, with exit code 1', async (_, args, message) => {
    const out = path(`refused-${++refused}`);
    const { status, stdout, stderr } = await foretoken([
      'images',
      ...args,
      ...(args[0] === 'evaluate' ? [] : ['--out', out]),
    ]);
    // The driver may have warned before; what went wrong is the last line, and stands alone.
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(existsSync(out)).toBe(false);
  });
});
