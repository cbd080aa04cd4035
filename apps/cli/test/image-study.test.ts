import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { starGraphSettings } from '@foretoken/data';
import { type Device, openDevice } from '@foretoken/tensor';
import { parseStudy, trainedSession } from '@foretoken/train';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImageStudySummary, summarizeImages } from '../src/comparison/image-summary.js';
import type { FinishedRun } from '../src/comparison/kind.js';
import { kindOf } from '../src/comparison/kinds.js';
import { imageRunOf } from '../src/images/image-run.js';
import { type RegisterView, registerView } from '../src/images/register-view.js';
import { distanceText, drawRegisters } from '../src/report/register-drawing.js';
import { startOfComparison } from '../src/settings.js';
import { writeImages } from './image-files.js';
import { built, foretoken } from './program.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-image-study-'));
const path = (...names: string[]): string => join(scratch, ...names);
afterAll(() => rmSync(scratch, { recursive: true }));

const files = { train: 'tokens/train.safetensors', test: 'tokens/test.safetensors' };
const fields = {
  name: 'bars',
  title: 'Bars',
  recipe: {
    task: { kind: 'image-tokens', files },
    model: { width: 16, layers: 2, heads: 2 },
    objectives: {
      mtp: { heads: 2 },
      mutor: { offsets: 'grid', maxOffset: 2, grid: { height: 4, width: 4 }, registers: 'everywhere' },
    },
    optimizer: { learningRate: 1e-3 },
    batch: 4,
    steps: 3,
    evaluation: { every: 3, lossExamples: 2, bestBy: 'last' },
    logEvery: 1,
  },
  variants: [
    { name: 'ntp', title: 'next-token', objective: 'ntp' },
    { name: 'mtp', title: 'heads', objective: 'mtp' },
    { name: 'mutor', title: 'MuToR-2D', objective: 'mutor' },
  ],
  datasets: [
    {
      name: 'bars',
      title: 'Bars',
      prepare: {
        images: 'mnist',
        patch: 7,
        codes: 8,
        rounds: 3,
        classifier: {
          model: { width: 16, layers: 1, heads: 2 },
          batch: 8,
          steps: 2,
          evaluation: { every: 2, questions: 4, finalQuestions: 20, lossExamples: 4 },
        },
      },
    },
  ],
  seeds: [0],
  measure: { testImages: 10, offsetImages: 6, samples: 20, shownOfEach: 2, viewedImage: 3 },
};

describe('a study of images', () => {
  it('ships, and is what --task images compares', () => {
    const { study } = startOfComparison({ task: 'images' });
    expect(study?.name).toBe('images');
    expect(study && kindOf(study).taskKinds).toEqual(['image-tokens']);
    expect(startOfComparison({ task: 'star-graph' }).recipe?.name).toBe('star-graph');
    expect(() => startOfComparison({ task: 'images', study: 'images' })).toThrow('give --task or --study');
  });

  it('refuses what nothing can be made of', () => {
    const with_ = (change: object) => parseStudy({ ...fields, ...change });
    const asked = (prepare: object) => with_({ datasets: [{ name: 'bars', prepare }] });
    expect(() => kindOf(asked({ images: 'mnist', code: 3 }))).toThrow(
      'study, datasets, bars, prepare: no setting "code". Did you mean codes?',
    );
    expect(() => kindOf(with_({ measure: { sample: 3 } }))).toThrow('Did you mean samples?');
    const untested = { ...fields.recipe, task: { kind: 'image-tokens', files: { train: 'x' } } };
    expect(() => kindOf(with_({ recipe: untested }))).toThrow('has no test images');
    const graphs = {
      recipe: {
        ...fields.recipe,
        task: starGraphSettings['star-graph'],
        model: {},
        objectives: {},
        evaluation: { every: 3, questions: 4, solved: 0.9 },
      },
    };
    expect(() => kindOf(parseStudy({ ...fields, ...graphs, measure: {} }))).toThrow(
      'study, datasets, bars, prepare: nothing is made for star-graph',
    );
  });
});

describe('the summary of samples', () => {
  const summaryOf = (accuracies: readonly number[]): ImageStudySummary => {
    const study = parseStudy({ ...fields, seeds: accuracies.map((_, seed) => seed) });
    const around = (mean: number) => ({ mean, low: mean - 0.25, high: mean + 0.125 });
    const runs = accuracies.map((accuracy, seed): FinishedRun => {
      const run = { variant: 'ntp', dataset: 'bars', seed, objective: 'ntp', recipe: study.recipe };
      const samples = {
        samples: 20,
        accuracy: around(accuracy),
        frechetDistance: around(3),
        precision: around(0.5),
        recall: around(0.5),
      };
      const summary = {
        objective: 'ntp',
        seed,
        steps: 3,
        flops: 1,
        tokens: 3,
        tokensPerSecond: 1,
        parameters: 1,
      };
      return {
        run: { ...run, budgets: ['steps'], folder: 'x' },
        summary: { ...summary, extraParameters: 0 } as unknown as FinishedRun['summary'],
        record: {
          ...{ recipe: study.recipe, objective: 'ntp', settings: {}, seed, versions: {} },
          adapter: { name: 'none', software: true },
        },
        measured: { testLoss: 1, offsets: [], drafts: null, repetition: null, samples, view: null },
      };
    });
    return summarizeImages({ study, runs, starts: new Map(), out: '', command: '', problems: [] });
  };
  const samplesOf = (summary: ImageStudySummary) => summary.datasets[0]?.budgets[0]?.variants[0]?.samples;

  it('has the interval of the run where there is one', () => {
    expect(samplesOf(summaryOf([0.5]))?.accuracy).toEqual({ mean: 0.5, low: 0.25, high: 0.625 });
  });

  it('has the interval over seeds where there are several', () => {
    // Mean 0.6, deviation 0.1, t = 4.303: reach 0.2484.
    const accuracy = samplesOf(summaryOf([0.5, 0.6, 0.7]))?.accuracy;
    expect(accuracy?.mean).toBeCloseTo(0.6, 12);
    expect(accuracy?.low).toBeCloseTo(0.35156, 4);
  });
});

describe('the drawing of registers', () => {
  const look = { cell: 5, attention: { classToken: 0.25, cells: [0, 0, 0, 0, 0, 0.5], itself: 0.25 } };
  const guess = { likeliest: 0.75, truth: 0.125, patch: 'AAAA', truePatch: 'CCCC' };
  const view: RegisterView = {
    ...{ label: 3, height: 4, width: 4, image: 'BBBB' },
    looks: [
      { ...look, ...guess, target: 6 },
      { ...look, ...guess, target: 8 },
    ],
  };

  it('tells where targets lie', () => {
    // From row 1, column 1 to row 1, column 2, and to row 2, column 0.
    expect(view.looks.map((each) => distanceText(each, 4))).toEqual(['1 right', '1 row down, 1 left']);
  });

  it('fades what is not seen, and has circles by area of attention', () => {
    const svg = drawRegisters(view).text;
    // 16 cells, of which 0 to 5 are seen, twice.
    expect(svg.match(/opacity="0\.82"/g)).toHaveLength(20);
    const radii = [...svg.matchAll(/<circle [^>]*r="([\d.]+)"/g)].map(([, radius]) => Number(radius));
    expect(radii).toHaveLength(16);
    const greatest = Math.max(...radii);
    expect(radii.filter((radius) => radius === 0)).toHaveLength(10);
    expect(radii.filter((radius) => Math.abs(radius / greatest - Math.SQRT1_2) < 0.01)).toHaveLength(4);
    expect(svg).toContain('75%');
    expect(svg).toContain('13%');
  });
});

describe.skipIf(!built)('a study of images from the command line', { timeout: 300_000 }, () => {
  const args = [
    'compare',
    '--study',
    path('bars.yaml'),
    '--data',
    path('data'),
    '--out',
    path('out'),
    '--json',
  ];
  let device: Device;

  beforeAll(async () => {
    // A bar whose height is the class.
    writeImages(path('data', 'mnist'), { train: 60, t10k: 30 }, (label, row, column) =>
      column > 7 && column < 21 && row >= 28 - 2.8 * label ? 255 : 0,
    );
    writeFileSync(path('bars.yaml'), JSON.stringify(fields));
    const { status, stderr } = await foretoken(args);
    expect(status, stderr).toBe(0);
    device = await openDevice();
  });
  afterAll(() => device?.close());

  it('measures losses and samples of every variant', () => {
    const summary = JSON.parse(readFileSync(path('out', 'summary.json'), 'utf8')) as ImageStudySummary;
    const [data] = summary.datasets;
    expect(data?.startLoss).toBeCloseTo(Math.log(8), 1);
    const variants = data?.budgets[0]?.variants ?? [];
    expect(variants.map(({ variant }) => variant)).toEqual(['ntp', 'mtp', 'mutor']);
    expect(variants.map(({ offsets }) => offsets.map(({ offset }) => offset))).toEqual([
      [],
      [1, 2],
      [1, 4, 5],
    ]);
    for (const { testLoss, samples } of variants) {
      expect(testLoss.mean).toBeLessThan(Math.log(8));
      expect(samples?.samples).toBe(20);
      expect(samples?.frechetDistance.mean).toBeGreaterThan(0);
    }
  });

  it('keeps a picture of samples with each run, and shows it in the report', () => {
    const picture = PNG.sync.read(readFileSync(path('out', 'bars', 'ntp-seed0', 'samples.png')));
    // Ten classes side by side, two of each; 28 pixels drawn twice as large.
    expect([picture.width, picture.height]).toEqual([10 * 58 + 2, 2 * 58 + 2]);
    const report = readFileSync(path('out', 'report.html'), 'utf8');
    expect(report.match(/<img src="data:image\/png/g)).toHaveLength(3);
    expect(report.match(/What registers see and predict/g)).toHaveLength(1);
    expect(report).not.toMatch(/NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
  });

  it('reports without pictures where no images were drawn', async () => {
    renameSync(path('out', 'bars', 'mtp-seed0', 'samples.png'), path('samples.png'));
    const { status, stderr } = await foretoken(['report', path('out'), '--pictures', path('pictures')]);
    renameSync(path('samples.png'), path('out', 'bars', 'mtp-seed0', 'samples.png'));
    expect(status, stderr).toBe(0);
    expect(readFileSync(path('out', 'report.html'), 'utf8').match(/<img src="data:image/g)).toHaveLength(2);
    expect(existsSync(path('pictures', 'samples-bars-equal-steps.png'))).toBe(true);
    expect(existsSync(path('pictures', 'registers-bars-equal-steps.png'))).toBe(true);
  });

  it('sees through registers what they predict with', async () => {
    const session = await trainedSession(device, path('out', 'bars', 'mutor-seed0'));
    const run = await imageRunOf(session);
    const image = 3;
    const view = (await registerView(run, image)) as RegisterView;
    expect(view.label).toBe(3);
    expect(view.looks.map(({ target, cell }) => target - cell)).toEqual([1, 4, 5]);
    const passes = run.work.objective.offsetPasses?.() ?? [];
    for (const [at, { attention, cell, likeliest, truth }] of view.looks.entries()) {
      // It sees the class, the cells up to its own and itself: nothing is left for others.
      expect(attention.cells).toHaveLength(cell + 1);
      const all = [attention.classToken, attention.itself, ...attention.cells];
      expect(all.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
      expect(Math.min(...all)).toBeGreaterThan(0);
      expect(likeliest).toBeGreaterThanOrEqual(truth);
      // The loss of the same register, by the way that trains it.
      const pass = passes[at];
      if (pass === undefined) throw new Error('no pass');
      const step = device.compile((inputs: Parameters<typeof pass.losses>[1]) => {
        const [losses] = pass.losses(run.work.model, inputs);
        if (losses === undefined) throw new Error('no losses');
        return { losses: losses.losses };
      });
      const found = await step.run(pass.prepare(run.task.batch('test', image, 1))).losses.data();
      expect(Math.exp(-(found[cell + 1] as number))).toBeCloseTo(truth, 4);
      step.dispose();
    }
    run.dispose();
    session.dispose();
  });

  it('does nothing twice', async () => {
    const made = ['tokens/train.safetensors', 'classifier/summary.json', 'mutor-seed0/measures.json'];
    const times = () => made.map((name) => statSync(path('out', 'bars', name)).mtimeMs);
    const before = times();
    const { status, stderr } = await foretoken(args);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/mutor seed 0: was finished before/);
    expect(times()).toEqual(before);
  });

  it('refuses a folder whose tokens were made otherwise', async () => {
    const prepare = { ...fields.datasets[0]?.prepare, codes: 9 };
    writeFileSync(path('other.yaml'), JSON.stringify({ ...fields, datasets: [{ name: 'bars', prepare }] }));
    const other = args.map((arg) => (arg === path('bars.yaml') ? path('other.yaml') : arg));
    const { status, stderr } = await foretoken(other);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/tokens made with .*"codes":8.*not with .*"codes":9/);
    expect(existsSync(path('out', 'bars', 'tokens', 'train.safetensors'))).toBe(true);
  });
});
