import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { formatCount, formatDuration, formatTable } from '../src/format.js';
import { parseNumbers, settingFlags } from '../src/settings.js';
import { interval } from '../src/statistics.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-cli-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program; `onStderr` may kill it. */
function foretoken(
  args: readonly string[],
  onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

const QUICK = [
  '--steps',
  '8',
  '--batch',
  '8',
  '--evaluation.every',
  '4',
  '--evaluation.questions',
  '8',
  '--evaluation.finalQuestions',
  '8',
  '--model.width',
  '16',
  '--model.layers',
  '2',
  '--logEvery',
  '2',
];

describe('figures', () => {
  it('gives the interval of Student', () => {
    // Mean 0.9, standard error 0.1 / sqrt(3), t = 4.303: reach 0.2484, clipped above.
    const { mean, low, high } = interval([0.8, 0.9, 1]);
    expect(mean).toBeCloseTo(0.9, 12);
    expect(low).toBeCloseTo(0.65157, 4);
    expect(high).toBe(1);
    expect(interval([0.5])).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
  });

  it('writes counts, times and tables', () => {
    expect([formatCount(987e9), formatCount(64), formatDuration(75), formatDuration(4000)]).toEqual([
      '987G',
      '64',
      '1:15',
      '1:06:40',
    ]);
    expect(formatTable(['a', 'b'], [['x', '10']])).toBe('a   b\n-  --\nx  10');
  });
});

describe('flags', () => {
  it('reads seeds', () => {
    expect(parseNumbers('0,2,5-7')).toEqual([0, 2, 5, 6, 7]);
    expect(() => parseNumbers('one')).toThrow(/expected whole numbers/);
  });

  it('turns names of settings into overrides, and leaves the rest', () => {
    expect(
      settingFlags([
        'compare',
        '--seeds',
        '0',
        '--steps',
        '5',
        '--mutor.maxOffset=1',
        '--learning-rate',
        '1e-3',
      ]),
    ).toEqual([
      'compare',
      '--seeds',
      '0',
      '--set',
      'steps=5',
      '--set',
      'mutor.maxOffset=1',
      '--set',
      'optimizer.learningRate=1e-3',
    ]);
  });
});

describe.skipIf(!existsSync(main))('the program', () => {
  it('compares, skips what is finished, and prints one JSON document', async () => {
    const args = [
      'compare',
      '--objectives',
      'ntp,teacherless',
      '--seeds',
      '0,1',
      '--out',
      join(scratch, 'grid'),
      '--json',
      ...QUICK,
    ];
    const first = await foretoken(args);
    expect(first.stderr).toMatch(/ntp seed 1/);
    expect(first.status).toBe(0);
    const summary = JSON.parse(first.stdout) as {
      objectives: { objective: string; seeds: { seed: number; steps: number }[] }[];
    };
    expect(
      summary.objectives.map(({ objective, seeds }) => [
        objective,
        seeds.map(({ seed, steps }) => [seed, steps]),
      ]),
    ).toEqual([
      [
        'ntp',
        [
          [0, 8],
          [1, 8],
        ],
      ],
      [
        'teacherless',
        [
          [0, 8],
          [1, 8],
        ],
      ],
    ]);
    expect(JSON.parse(readFileSync(join(scratch, 'grid', 'summary.json'), 'utf8'))).toEqual(summary);
    const report = readFileSync(join(scratch, 'grid', 'report.html'), 'utf8');
    expect(report).toContain('teacherless');
    expect(report).toContain('seeds 0,1');
    expect(report).not.toMatch(/(?:src|href)="https?:|url\(/);
    const second = await foretoken(args);
    expect(second.stderr).toMatch(/ntp seed 0: was finished before/);
    expect(JSON.parse(second.stdout)).toEqual(summary);
  });

  it('ends with the same bits when it is killed and started again', async () => {
    const args = (out: string) => [
      'train',
      '--objective',
      'mutor',
      '--out',
      join(scratch, out),
      '--json',
      ...QUICK,
    ];
    const checkpoint = (out: string) =>
      readFileSync(join(scratch, out, 'checkpoints', 'step-0000008.safetensors'));
    await foretoken(args('whole'));
    const killed = await foretoken(args('killed'), (text, kill) => {
      if (/step 4/.test(text)) kill('SIGKILL');
    });
    expect(killed.status).toBeNull();
    expect((await foretoken(args('killed'))).status).toBe(0);
    const tensors = (bytes: Buffer) => bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
    expect(tensors(checkpoint('killed')).equals(tensors(checkpoint('whole')))).toBe(true);
  });

  it('saves its state on Ctrl-C and exits with 130', async () => {
    const folder = join(scratch, 'stopped');
    const args = ['train', '--out', folder, ...QUICK, '--steps', '100000', '--evaluation.every', '2'];
    let sent = false;
    const outcome = await foretoken(args, (text, kill) => {
      if (!sent && /step 4/.test(text)) {
        sent = true;
        kill('SIGINT');
      }
    });
    expect(outcome.status).toBe(130);
    expect(outcome.stderr).toContain('The same command resumes from the checkpoint.');
    expect(existsSync(join(folder, 'summary.json'))).toBe(false);
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it.each([
    [['compare', '--objectives', 'foo'], /expected one of ntp, mtp, teacherless, mutor/],
    [['compare', '--recipe', 'star'], /no recipe "star"/],
    [['compare', '--set', 'mutor.maxOfset=1'], /Did you mean mutor.maxOffset/],
    [['compare', '--seeds', 'x'], /expected whole numbers/],
    [['compare', '--bogus'], /there is no flag "--bogus"/],
    [['compare', '--recipe', 'tinystories'], /tinystories has no test text/],
    [['train', '--recipe', 'nowhere.yaml'], /nowhere.yaml: there is no such file/],
    [['train', '--optimizer.learningRat', '1'], /Did you mean optimizer.learningRate/],
    [['train', '--sink', 'nowhere.mjs'], /--sink "nowhere.mjs": there is no such file/],
    [
      ['train', '--recipe', 'tinystories', '--out', join(scratch, 'no-model'), '--model.from', '/nowhere'],
      /\/nowhere is no folder/,
    ],
    [['report', join(scratch, 'nowhere')], /there is no folder/],
    [['nonsense'], /nonsense/],
  ])('exits with 1 and one line for %j', async (args, message) => {
    const { status, stdout, stderr } = await foretoken(args);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    const lines = stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('Warning: maxDynamic'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(message);
  });

  it('examines the machine', async () => {
    const { status, stdout } = await foretoken(['doctor', '--json']);
    const diagnosis = JSON.parse(stdout) as {
      ok: boolean;
      adapter: { name: string; limits: object };
      checks: { name: string; ok: boolean }[];
    };
    expect(diagnosis.ok).toBe(true);
    expect(diagnosis.checks.map(({ name }) => name)).toEqual([
      'node',
      'adapter',
      'timestamps',
      'matmul',
      'reduction',
      'softmax',
      'attention',
      'gradient',
    ]);
    expect(status).toBe(0);
  });
});
