import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Study } from '@foretoken/train';
import { type LossMeasures, parseStudy } from '@foretoken/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FinishedRun, FinishedStudy } from '../src/comparison/kind.js';
import { kindOf } from '../src/comparison/kinds.js';
import { lossTable, summarizeLosses } from '../src/comparison/loss-summary.js';
import { lossPage } from '../src/report/loss-page.js';
import { lossPictures } from '../src/report/loss-pictures.js';
import { built, foretoken } from './program.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const base = fileURLToPath(
  new URL('../../../packages/models/test/fixtures/checkpoints/llama3', import.meta.url),
);
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-study-'));
const path = (...names: string[]): string => join(scratch, ...names);
afterAll(() => rmSync(scratch, { recursive: true }));

const CHARACTERS = '0123456789+=#\n abc';
const sums = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `${from + at}+${at % 7}=${from + at + (at % 7)}`).join('\n');

const fields = {
  name: 'sums',
  title: 'Sums of numbers',
  description: 'A study of <sums>.',
  recipe: {
    task: { kind: 'corpus', time: 16, validationShare: 0.1 },
    model: { from: 'base' },
    objectives: { mutor: { maxOffset: 3 } },
    optimizer: { learningRate: 1e-2 },
    batch: 2,
    steps: 4,
    evaluation: { every: 2, lossExamples: 2, bestBy: 'last' },
    logEvery: 1,
  },
  variants: [
    { name: 'ntp', title: 'next-token', objective: 'ntp' },
    { name: 'mutor', title: 'Registers & more', objective: 'mutor' },
  ],
  datasets: [
    { name: 'sums', title: 'Sums', set: { task: { files: { train: 'train.txt' }, testShare: 0.1 } } },
  ],
  seeds: [0, 1],
  budgets: ['steps', 'flops'],
  measure: { testExamples: 6, offsetExamples: 4, prompts: 2, promptTokens: 5, newTokens: 6 },
};

beforeAll(() => {
  cpSync(base, path('base'), { recursive: true });
  const vocab = Object.fromEntries([...CHARACTERS].map((character, id) => [character, id]));
  const model = { type: 'BPE', vocab: { ...vocab, '</s>': 18 }, merges: [], unk_token: '#' };
  const added = [{ id: 18, content: '</s>', special: true }];
  writeFileSync(
    path('base', 'tokenizer.json'),
    JSON.stringify({ model, decoder: { type: 'Fuse' }, added_tokens: added }),
  );
  writeFileSync(path('base', 'tokenizer_config.json'), JSON.stringify({ eos_token: '</s>', unk_token: '#' }));
  writeFileSync(path('train.txt'), sums(0, 300));
  writeFileSync(path('study.yaml'), JSON.stringify(fields));
});

/** Finished runs as a study leaves them, without having trained. */
function finished(
  seeds: readonly number[],
  lossOf: (variant: string, seed: number) => number,
): FinishedStudy {
  const study: Study = parseStudy({ ...fields, seeds });
  const runs = seeds.flatMap((seed) =>
    study.variants.map(({ name, objective }): FinishedRun => {
      const measured: LossMeasures = {
        testLoss: lossOf(name, seed),
        offsets:
          name === 'ntp' ? [] : [1, 2, 3].map((offset) => ({ offset, loss: offset + seed / 10, tokens: 50 })),
        drafts:
          name === 'ntp'
            ? null
            : {
                passes: 40,
                tokens: 60,
                acceptanceRate: 0.25,
                offsets: [
                  { offset: 2, drafted: 40, reached: 40, accepted: 15 },
                  { offset: 3, drafted: 40, reached: 15, accepted: 5 },
                ],
              },
        repetition: 0.2 + seed / 10,
      };
      return {
        run: {
          variant: name,
          dataset: 'sums',
          seed,
          objective,
          recipe: study.recipe,
          budgets: ['steps'],
          folder: `sums/${name}-seed${seed}`,
        },
        summary: {
          objective,
          seed,
          scores: {},
          chance: 0,
          modelStep: 6,
          validationLoss: null,
          model: 'model',
          solvedAtStep: null,
          steps: 6,
          flops: name === 'ntp' ? 6e9 : 15e9,
          tokens: 192,
          seconds: 9,
          // 192 tokens in 6 steps: 0.1 and 0.25 seconds a step.
          tokensPerSecond: name === 'ntp' ? 320 : 128,
          parameters: 1000 + (name === 'ntp' ? 0 : 16),
          extraParameters: name === 'ntp' ? 0 : 16,
          finalQuestions: 0,
          answers: [],
        },
        record: {
          recipe: study.recipe,
          objective,
          settings: {},
          seed,
          adapter: { name: 'Vega <11>', software: true },
          versions: { node: '20.19.0' },
        },
        measured,
      };
    }),
  );
  return {
    study,
    runs,
    starts: new Map([['sums', 2.5]]),
    out: path('nowhere'),
    command: 'compare',
    problems: [],
  };
}

describe('the summary of a study', () => {
  it('has means, intervals and paired differences, by hand', () => {
    const losses: Record<string, readonly number[]> = { ntp: [1, 1.2, 1.1], mutor: [0.9, 1.15, 1.06] };
    const summary = summarizeLosses(finished([0, 1, 2], (variant, seed) => losses[variant]?.[seed] ?? 0));
    const [ntp, mutor] = summary.datasets[0]?.budgets[0]?.variants ?? [];
    // Mean 1.1, deviation 0.1, t = 4.303: reach 0.2484.
    expect(ntp?.testLoss.mean).toBeCloseTo(1.1, 12);
    expect(ntp?.testLoss.high).toBeCloseTo(1.34844, 4);
    expect(ntp?.difference).toBeNull();
    // Differences -0.1, -0.05, -0.04: mean -0.06333, deviation 0.03215, reach 0.07986.
    expect(mutor?.difference?.mean).toBeCloseTo(-0.06333, 4);
    expect(mutor?.difference?.low).toBeCloseTo(-0.14319, 4);
    expect(mutor?.difference?.high).toBeCloseTo(0.01653, 4);
    for (const [at, { offset, loss }] of (mutor?.offsets ?? []).entries()) {
      expect(offset).toBe(at + 1);
      expect(loss.mean).toBeCloseTo(at + 1.1, 12);
    }
    expect(mutor?.offsets).toHaveLength(3);
    expect(mutor?.drafts).toEqual([
      { offset: 2, drafted: 120, accepted: 45, acceptanceRate: 0.375 },
      { offset: 3, drafted: 120, accepted: 15, acceptanceRate: 0.125 },
    ]);
    expect(mutor?.tokensPerPass).toBe(1.5);
    expect(mutor?.stepSeconds).toBeCloseTo(0.25, 12);
    expect(summary.datasets[0]?.startLoss).toBe(2.5);

    const table = lossTable(summary);
    expect(table).toContain('Sums, equal steps; 2.500 before training');
    expect(table).toContain('−0.063 [−0.143, +0.017]');
    expect(table).toMatch(/Registers & more .* 38\/13 +1\.50 +30 +16 +6 +15\.0G +2\.50x/);
    // No run was within the other budget.
    expect(table).not.toContain('equal FLOPs');
  });

  it('claims no interval with one seed', async () => {
    const one = finished([0], () => 1);
    const summary = summarizeLosses(one);
    expect(lossTable(summary)).not.toContain('[');
    const page = await lossPage(one, summary, { notes: [], offsetNote: 'of heads' });
    expect(page).not.toContain('95% interval');
    expect(page).toContain('One seed gives no interval');
  });
});

describe('the report of a study', () => {
  it('shows every figure, escapes what comes from outside and needs no network', async () => {
    const study = finished([0, 1], (variant, seed) => (variant === 'ntp' ? 1 : 1.25) + seed / 100);
    const summary = summarizeLosses(study);
    const page = await lossPage(study, summary, { notes: ['Told by <the kind>.'], offsetNote: 'of heads' });
    for (const text of [
      'Sums of numbers',
      'A study of &lt;sums&gt;.',
      'Told by &lt;the kind&gt;.',
      'Registers &amp; more',
      '+0.250<span class="interval">',
      'Before training the test loss is 2.500',
      '37.5%',
      '2.50×',
      'Vega &lt;11&gt;',
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/\b(?:src|href|xlink:href)\s*=|url\(|@import|https?:/);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    const pictures = await lossPictures(study, summary);
    expect(Object.keys(pictures)).toEqual([
      'differences-equal-steps',
      'offsets-equal-steps',
      'drafts-equal-steps',
    ]);
    expect(pictures['drafts-equal-steps']).toContain('Registers &amp; more');
  });
});

describe('kinds of comparisons', () => {
  it('refuses text without a test, and settings of measures that do not exist', () => {
    const untested = { ...fields, datasets: [{ name: 'x', set: { task: { files: { train: 'x.txt' } } } }] };
    expect(() => kindOf(parseStudy(untested))).toThrow(/has no test text/);
    expect(() => kindOf(parseStudy({ ...fields, measure: { prompt: 1 } }))).toThrow(/Did you mean prompts\?/);
  });
});

const args = (out: string): string[] => [
  'compare',
  '--study',
  path('study.yaml'),
  '--data',
  scratch,
  '--out',
  path(out),
  '--json',
];

/** Runs the program until what it says matches, and kills it there. */
const killedAt = (out: string, pattern: RegExp): Promise<void> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args(out)]);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (pattern.test(said)) child.kill('SIGKILL');
    });
    child.on('close', () => resolve());
  });

/** The figures of a summary, without what tells of time or of the folder. */
const figures = (json: string): string =>
  JSON.stringify(JSON.parse(json), (key, value: unknown) =>
    ['stepSeconds', 'tokensPerSecond', 'command'].includes(key) ? undefined : value,
  );

describe.skipIf(!built)('a study from the command line', { timeout: 600_000 }, () => {
  it('is killed at any moment, goes on, and ends with the same figures', async () => {
    const whole = await foretoken(args('whole'));
    expect(whole.status, whole.stderr).toBe(0);
    await killedAt('killed', /mutor seed 0 .*step 2\/4/);
    expect(existsSync(path('killed', 'summary.json'))).toBe(false);
    await killedAt('killed', /ntp seed 1 .*step 4\/4/);
    const resumed = await foretoken(args('killed'));
    expect(resumed.stderr).toMatch(/mutor seed 0: was finished before/);
    expect(figures(resumed.stdout)).toBe(figures(whole.stdout));
    expect(readFileSync(path('killed', 'summary.json'), 'utf8')).toBe(resumed.stdout);
    // MuToR has fewer steps at equal FLOPs, next-token as many: one run serves both budgets.
    expect(readdirSync(path('whole', 'sums')).filter((name) => name.startsWith('ntp'))).toHaveLength(2);
    expect(readdirSync(path('whole', 'sums')).filter((name) => name.startsWith('mutor'))).toHaveLength(4);

    const again = await foretoken(['report', path('whole'), '--json', '--pictures', path('pictures')]);
    expect(again.stdout).toBe(whole.stdout);
    expect(readdirSync(path('pictures'))).toContain('differences-equal-flops.png');
  });

  it('gives the same in several processes', async () => {
    const parallel = await foretoken([...args('parallel'), '--jobs', '2']);
    expect(parallel.status, parallel.stderr).toBe(0);
    expect(figures(parallel.stdout)).toBe(figures(readFileSync(path('whole', 'summary.json'), 'utf8')));
  });

  it.each([
    [['compare', '--study', 'storie'], /no study "storie"\. Did you mean stories\?/],
    [['compare', '--study', 'stories', '--objectives', 'ntp'], /--objectives: study stories has its own/],
    [['compare', '--data', '.'], /--data: .*give --study/],
    [
      ['compare', '--study', 'stories', '--optimizer.learningRat', '1'],
      /Did you mean optimizer\.learningRate/,
    ],
  ])('exits with 1 and one line for %j', async (given, message) => {
    const { status, stderr } = await foretoken(given);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(message);
  });

  it('lists the studies that ship', async () => {
    const { stdout } = await foretoken(['studies']);
    expect(stdout).toContain('stories\n');
    expect(stdout).toContain('lora-mutor on tinystories, shakespeare, gsm8k; seeds 0, 1, 2');
  });
});
