import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawConfusion } from '../src/report/confusion.js';
import { startingRecipe } from '../src/settings.js';
import { writeImages } from './image-files.js';
import { built, foretoken } from './program.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-cli-images-'));
const path = (...parts: string[]): string => join(scratch, ...parts);
afterAll(() => rmSync(scratch, { recursive: true }));

// The brightness of an image is its class.
beforeAll(() => writeImages(path('data', 'mnist'), { train: 40, t10k: 20 }, (label) => 25 * label));

describe('the recipe that a command begins with', () => {
  it('is that of a task, of a name, or star graphs', () => {
    expect(startingRecipe({ task: 'mnist' }).name).toBe('mnist-vit');
    expect(startingRecipe({ recipe: 'tinystories' }).name).toBe('tinystories');
    expect(startingRecipe({}).name).toBe('star-graph');
    expect(() => startingRecipe({ task: 'mnist', recipe: 'tinystories' })).toThrow('give --task or --recipe');
    expect(() => startingRecipe({ task: 'mnits' })).toThrow('Did you mean mnist?');
  });
});

describe('a confusion matrix', () => {
  it('is drawn with counts, names and a colour for mistakes', async () => {
    const svg = await drawConfusion({
      classNames: ['cat', 'dog'],
      matrix: [
        [7, 3],
        [0, 11],
      ],
    });
    for (const text of ['cat', 'dog', 'taken for', '>7<', '>3<', '>11<', 'var(--blue)', 'var(--vermillion)'])
      expect(svg).toContain(text);
    expect(svg).not.toContain('>0<');
  });

  it('of many classes has no numbers', async () => {
    const count = 30;
    const classNames = Array.from({ length: count }, (_, at) => `class${at}`);
    const matrix = classNames.map((_, row) => classNames.map((__, column) => (row === column ? 4321 : 0)));
    expect(await drawConfusion({ classNames, matrix })).not.toContain('4321');
  });
});

describe.skipIf(!built)('foretoken on images', () => {
  const train = (...args: string[]) =>
    foretoken([
      ...['train', '--task', 'mnist', '--data', path('data'), '--out', path('run'), '--batch', '8'],
      ...['--steps', '4', '--width', '16', '--layers', '1', '--heads', '2', '--evaluation.every', '4'],
      ...['--evaluation.questions', '4', '--evaluation.finalQuestions', '20', '--validationShare', '0.1'],
      ...args,
    ]);

  it('trains a classifier, and evaluates it with intervals and a picture', async () => {
    const trained = await train('--json');
    expect(trained.status, trained.stderr).toBe(0);
    expect(trained.stderr).toContain('MNIST train: 36 images of 28 x 28, 10 classes');
    const summary = JSON.parse(trained.stdout) as { scores: Record<string, number>; model: string };
    expect(summary).toMatchObject({ objective: 'classify', model: 'model', finalQuestions: 20 });

    const evaluated = await foretoken([
      ...['evaluate', '--model', path('run'), '--task', 'mnist', '--data', path('data')],
      ...['--out', path('results'), '--json'],
    ]);
    expect(evaluated.status, evaluated.stderr).toBe(0);
    const result = JSON.parse(evaluated.stdout) as Record<string, number> & {
      intervals: Record<string, { low: number; high: number }>;
      confusion: number[][];
    };
    expect(result['top1']).toBe(summary.scores['top1']);
    expect(result.intervals['top1']?.low).toBeLessThanOrEqual(result['top1'] as number);
    expect(result.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(20);
    expect(readFileSync(path('results', 'confusion.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(existsSync(path('results', 'confusion.svg'))).toBe(true);
    expect(readFileSync(path('results', 'samples.jsonl'), 'utf8').trim().split('\n')).toHaveLength(20);
  });

  it.each<[string, string[], RegExp]>([
    [
      'an objective of language',
      ['--objective', 'mutor'],
      /^objective: expected one of classify, got "mutor"\.$/m,
    ],
    ['a folder that is not there', ['--data', 'nowhere'], /^mnist: there is no folder nowhere\./m],
    ['a setting of language', ['--mutor.maxOffset', '2'], /no setting "mutor\.maxOffset"/],
  ])('refuses %s in one line, with exit code 1', async (_, args, message) => {
    const { status, stderr } = await foretoken([
      'train',
      '--task',
      'mnist',
      '--out',
      path('refused'),
      ...(args.includes('--data') ? [] : ['--data', path('data')]),
      ...args,
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(path('refused'))).toBe(false);
  });

  it('refuses flags of language models where images are evaluated', async () => {
    const { status, stderr } = await foretoken([
      ...['evaluate', '--model', path('run'), '--task', 'mnist', '--data', path('data'), '--shots', '2'],
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('--shots: mnist does not take it');
  });
});
