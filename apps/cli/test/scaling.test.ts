import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, OutOfMemoryError, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  benchScaling,
  fitAxis,
  loadOf,
  measurePoint,
  type ScalingPoint,
  stepBytes,
} from '../src/bench/scaling.js';
import { drawScaling, spreadLabels } from '../src/bench/scaling-plots.js';
import type { StepSize } from '../src/bench/sizes.js';
import { workloadOf } from '../src/bench/training.js';
import { logTicks } from '../src/report/axis.js';
import { powerExponent } from '../src/statistics.js';
import { bench, built, TINY, TINY_FLAGS } from './program.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-scaling-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A point that nobody measured, whose memory is linear in its tokens. */
const pointOf = (size: StepSize): ScalingPoint => ({
  ...size,
  stepMs: size.width ** 2,
  steps: 5,
  tokensPerSecond: 1,
  firstStepMs: 1,
  peakGpuBytes: 9000 * size.batch * size.context,
  arenaBytes: 8000 * size.batch * size.context,
  flopsPerStep: 1,
  achievedGflops: 1,
});

const contexts = [64, 128, 256].map((context) => ({ ...TINY, context, batch: 256 / context }));

describe('fits', () => {
  it('finds the power, and none of a single place', () => {
    expect(powerExponent([1, 2, 4], [3, 12, 48])).toBeCloseTo(2, 10);
    expect(powerExponent([2, 2], [3, 12])).toBeNull();
    expect(powerExponent([], [])).toBeNull();
  });

  it('fits the memory of a sequence to the context, where all steps have the same tokens', () => {
    const { memory, stepMs } = fitAxis('context', contexts.map(pointOf));
    expect(memory).toBeCloseTo(1, 10);
    expect(stepMs).toBeCloseTo(0, 10);
  });

  it('fits the memory of a step to the width, or all of it where no other is known', () => {
    const points = [16, 32].map((width) => ({ ...pointOf({ ...TINY, width }), peakGpuBytes: width ** 3 }));
    expect(fitAxis('width', points).memory).toBeCloseTo(0, 10);
    expect(
      fitAxis(
        'width',
        points.map((point) => ({ ...point, arenaBytes: null })),
      ).memory,
    ).toBeCloseTo(3, 10);
  });

  it('says what steps have in common', () => {
    expect(loadOf(contexts.map(pointOf))).toBe('256 tokens a step');
    expect(loadOf(contexts.map((size) => pointOf({ ...size, batch: 3 })))).toBe('3 sequences a step');
  });
});

describe('a scaling benchmark', () => {
  it('leaves out what does not fit, and says so', async () => {
    const told: string[] = [];
    const { context, width } = await benchScaling({
      sizes: { context: contexts, width: [] },
      measure: async (size) => {
        if (size.context === 256) throw new OutOfMemoryError('too large.');
        return pointOf(size);
      },
      onProgress: (text) => told.push(text),
    });
    expect(context.points.map((point) => point.context)).toEqual([64, 128]);
    expect(context.skipped).toEqual([{ size: contexts[2], reason: 'too large.' }]);
    expect(width).toEqual({ points: [], skipped: [], exponents: { stepMs: null, memory: null } });
    expect(told).toContain('left out: too large.');
  });

  it('passes on any other error', async () => {
    const measure = () => Promise.reject(new Error('lost'));
    const sizes = { context: contexts, width: [] };
    await expect(benchScaling({ sizes, measure, onProgress: () => {} })).rejects.toThrow('lost');
  });
});

describe('plots', () => {
  it('puts ticks around all values', () => {
    expect(logTicks(3, 40)).toEqual([2, 5, 10, 20, 50]);
    expect(logTicks(0.5, 2)).toEqual([0.5, 1, 2]);
    expect(logTicks(90, 110)).toEqual([50, 100, 200]);
  });

  it('moves labels apart about their middle, and only those that need it', () => {
    expect(spreadLabels([0, 100])).toEqual([0, 100]);
    expect(spreadLabels([100, 100, 0])).toEqual([91.5, 108.5, 0]);
    const [first = 0, second = 0, third = 0] = spreadLabels([50, 52, 60]);
    expect([second - first, third - second]).toEqual([17, 17]);
    expect(first + second + third).toBeCloseTo(162, 10);
  });

  it('names every line, the load and the adapter', async () => {
    const svg = await drawScaling('context', contexts.map(pointOf), {
      objective: 'ntp',
      adapter: 'Vega <11>',
    });
    for (const text of [
      'working, a sequence',
      'peak of a step',
      'linear',
      '256 tokens a step',
      'Vega &lt;11&gt;',
    ])
      expect(svg).toContain(text);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('measurements', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  const measure = (objective: string, size: StepSize): Promise<ScalingPoint> =>
    measurePoint(device, workloadOf(objective, size, { seed: 0, registers: 1, layout: 'appended' }), 0);

  it('relates time, tokens and work, and frees what it took', async () => {
    const before = device.memory().liveBuffers;
    const point = await measure('mtp', TINY);
    expect(point).toMatchObject({ ...TINY, steps: 5 });
    expect(point.tokensPerSecond * point.stepMs).toBeCloseTo(1000 * TINY.batch * TINY.context, 3);
    expect(point.achievedGflops * point.stepMs * 1e6).toBeCloseTo(point.flopsPerStep, 0);
    expect(device.memory().liveBuffers).toBe(before);
  });

  it.each(['ntp', 'mutor'])('%s: twice the context takes about twice the memory', async (objective) => {
    const half = await measure(objective, { ...TINY, context: 256 });
    const whole = await measure(objective, { ...TINY, context: 512 });
    expect(stepBytes(whole)).toBeLessThanOrEqual(2.3 * stepBytes(half));
  });
});

describe.skipIf(!built)('the program', () => {
  it('writes figures and plots of both axes', async () => {
    const axes = ['--contexts', '32,16', '--widths', '8,16', '--tokens', '64', '--seconds', '0'];
    const size = TINY_FLAGS.slice(0, -4);
    const { status, stdout } = await bench('scaling', ...size, ...axes, '--out', scratch, '--json');
    expect(status).toBe(0);
    expect(readFileSync(join(scratch, 'scaling.json'), 'utf8')).toBe(stdout);
    const result = JSON.parse(stdout) as Record<'context' | 'width', { points: readonly ScalingPoint[] }>;
    expect(result).toMatchObject({ size: 'S+', objective: 'ntp', registers: null });
    expect(result.context.points).toMatchObject([
      { context: 16, batch: 4, width: 16 },
      { context: 32, batch: 2, width: 16 },
    ]);
    expect(result.width.points).toMatchObject([
      { width: 8, context: 64, batch: 16 },
      { width: 16, context: 64, batch: 16 },
    ]);
    for (const name of ['context', 'width']) {
      const svg = readFileSync(join(scratch, `${name}.svg`), 'utf8');
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      expect(svg).not.toContain('var(');
      const png = readFileSync(join(scratch, `${name}.png`));
      expect(png.subarray(1, 4).toString()).toBe('PNG');
    }
  });

  it('prints a table', async () => {
    const { status, stdout } = await bench(
      'scaling',
      ...TINY_FLAGS,
      ...[
        '--objective',
        'mutor',
        '--registers',
        '0.5',
        '--contexts',
        '16,32',
        '--widths',
        'none',
        '--seconds',
        '0',
      ],
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/2 sequences a step\n\ncontext {2}sequences/);
    expect(stdout).toMatch(/Memory of a sequence grows as context\^\d\.\d\d/);
  });

  it.each([
    [['--contexts', '64,long'], 'expected a whole number from 2 to'],
    [['--contexts', '96'], '--contexts 96: 2048 tokens are no whole number of sequences.'],
    [['--widths', '66'], 'multiple of the heads'],
    [['--contexts', 'none', '--widths', 'none'], 'expected points along --contexts, --widths or both.'],
    [['--tokens', '64', '--batch', '2'], 'expected --tokens or --batch, not both.'],
    [['--seconds', 'few'], 'expected a number from 0 to'],
    [['--registers', '0.5'], 'ntp has no registers'],
    [['--out', join(scratch, 'file')], 'a file is in the way'],
  ])('refuses %j in one line', async (args, message) => {
    writeFileSync(join(scratch, 'file'), '');
    const { status, stdout, stderr } = await bench('scaling', ...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});
