import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attentionFlops, benchAttention } from '../src/bench/attention.js';
import { benchElementwise } from '../src/bench/elementwise.js';
import { benchMatmul, linearShapes } from '../src/bench/matmul.js';
import { benchObjectives, contestantsOf } from '../src/bench/objectives.js';
import { chooseSize, gptConfig } from '../src/bench/sizes.js';
import { bestOfNeighbours, groupKernels } from '../src/bench/step.js';
import { corpusBatch, type RegisterLayout, TrainingStep, workloadOf } from '../src/bench/training.js';
import { settingFlags } from '../src/settings.js';
import { median, quantile } from '../src/statistics.js';
import { bench, built, TINY, TINY_FLAGS } from './program.js';

describe('figures', () => {
  it('takes quantiles between neighbours', () => {
    expect([quantile([4, 1, 3, 2], 0), quantile([4, 1, 3, 2], 1)]).toEqual([1, 4]);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([1, 2, 3], 0.25)).toBe(1.5);
  });

  it('finds the fastest run of neighbours, not the fastest interval', () => {
    expect(bestOfNeighbours([10, 1, 19, 8, 9, 10], 3)).toBe(9);
    expect(bestOfNeighbours([10, 20], 3)).toBe(15);
  });

  it('groups the dispatches of a kernel, the most expensive first', () => {
    const kernel = (name: string, microseconds: number, variant?: string) => ({
      name,
      microseconds,
      bytes: 2000,
      workgroups: [1, 1, 1] as const,
      variant,
    });
    const groups = groupKernels([
      kernel('add', 1),
      kernel('matmul', 4, 'tiles'),
      kernel('add', 3),
      kernel('matmul', 8),
    ]);
    expect(groups).toEqual([
      { name: 'matmul', calls: 1, microseconds: 8, share: 0.5, gigabytesPerSecond: 0.25 },
      { name: 'add', calls: 2, microseconds: 4, share: 0.25, gigabytesPerSecond: 1 },
      { name: 'matmul (tiles)', calls: 1, microseconds: 4, share: 0.25, gigabytesPerSecond: 0.5 },
    ]);
  });

  it('counts the pairs that a causal mask leaves', () => {
    // Three queries see 1 + 2 + 3 keys; two products of width 5 take 2 * 2 * 5 operations a pair.
    expect(attentionFlops({ batch: 2, heads: 1, time: 3, headWidth: 5 })).toBe(2 * 6 * 20);
  });
});

describe('sizes', () => {
  it('has S and M', () => {
    expect(chooseSize('S', {}).size).toEqual({
      layers: 2,
      width: 64,
      heads: 4,
      vocab: 64,
      context: 64,
      batch: 16,
    });
    expect(chooseSize('M', {}).size).toEqual({
      layers: 4,
      width: 128,
      heads: 4,
      vocab: 256,
      context: 128,
      batch: 8,
    });
  });

  it('marks a size with other fields', () => {
    expect(chooseSize('M', { context: 256 })).toMatchObject({
      name: 'M+',
      size: { context: 256, width: 128 },
    });
    expect(chooseSize('M', { context: 128, layers: undefined }).name).toBe('M');
  });

  it('refuses sizes that cannot be', () => {
    expect(() => chooseSize('L', {})).toThrow('--size L: expected one of S, M.');
    expect(() => chooseSize('S', { heads: 3 })).toThrow(/multiple of the heads/);
  });

  it('gives the three products of a linear layer the same work', () => {
    const work = linearShapes(10, 3, 7).map(({ m, k, n }) => m * k * n);
    expect(work).toEqual([210, 210, 210]);
  });

  it('leaves flags of bench alone', () => {
    const args = ['bench', 'step', '--width', '32'];
    expect(settingFlags(args)).toEqual(args);
    expect(settingFlags(['train', '--width', '32'])).toEqual(['train', '--set', 'model.width=32']);
  });
});

describe('workloads', () => {
  it('puts registers behind a share of the positions', () => {
    const options = { seed: 0, registers: 0.3, layout: 'appended' as const };
    expect(workloadOf('mutor', { ...TINY, context: 20 }, options).settings).toMatchObject({
      registers: 'everywhere',
      registerCount: 6,
    });
    expect(workloadOf('mutor', TINY, { ...options, registers: 1 }).settings).not.toHaveProperty(
      'registerCount',
    );
    expect(workloadOf('teacherless', TINY, options).prefix).toBe(8);
    expect(workloadOf('mtp', TINY, options).prefix).toBe(0);
  });

  it('draws batches from seed and number alone', () => {
    const workload = workloadOf('ntp', TINY, { seed: 3, registers: 1, layout: 'appended' });
    const { tokens } = corpusBatch(workload, 1);
    expect(tokens).toEqual(corpusBatch(workload, 1).tokens);
    expect(tokens).not.toEqual(corpusBatch(workload, 2).tokens);
    expect(Math.max(...tokens)).toBeLessThan(TINY.vocab);
  });

  it('builds the model of the sizes', () => {
    const bias = { queryKeyValue: true, attentionOutput: true, mlp: true, norm: true };
    expect(gptConfig(TINY)).toMatchObject({ norm: 'layer', bias, tiedEmbeddings: false, mlpWidth: 64 });
  });
});

describe('measurements', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it.each(['ntp', 'mtp', 'teacherless', 'mutor'])('trains %s, and frees what it took', async (objective) => {
    const before = device.memory().liveBuffers;
    const step = new TrainingStep(
      device,
      workloadOf(objective, TINY, { seed: 1, registers: 0.5, layout: 'appended' }),
    );
    const batch = step.prepare(0);
    const losses: number[] = [];
    for (let update = 0; update < 20; update++) losses.push(await step.submit(batch).item());
    step.dispose();
    // An even guess, once for each head of the multi-token objective.
    const terms = objective === 'mtp' ? 3 : 1;
    expect(losses[0]).toBeCloseTo(terms * Math.log(TINY.vocab), 0);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    expect(device.memory().liveBuffers).toBe(before);
  });

  it.each([1, 0.3])('lays registers out in three ways with one loss, share %d', async (registers) => {
    const lossesOf = async (layout: RegisterLayout): Promise<number[]> => {
      const step = new TrainingStep(device, workloadOf('mutor', TINY, { seed: 2, registers, layout }));
      const losses: number[] = [];
      for (let update = 0; update < 3; update++) losses.push(await step.submit(step.prepare(update)).item());
      step.dispose();
      return losses;
    };
    const appended = await lossesOf('appended');
    for (const layout of ['interleaved', 'interleavedSkipping'] as const) {
      (await lossesOf(layout)).forEach((loss, update) => {
        expect(loss).toBeCloseTo(appended[update] as number, 4);
      });
    }
  });

  it('trains every objective in turns, and gives their costs to that of the first', async () => {
    const contestants = contestantsOf(TINY, 1, {});
    const told: string[] = [];
    const results = await benchObjectives(device, contestants, {
      rounds: 2,
      steps: 3,
      onProgress: (text) => told.push(text),
    });
    expect(results.map(({ name }) => name)).toEqual(contestants.map(({ name }) => name));
    expect(results[0]).toMatchObject({
      name: 'ntp',
      ratio: 1,
      lowestRatio: 1,
      highestRatio: 1,
      flopRatio: 1,
    });
    for (const { rounds, ratio, lowestRatio, highestRatio, flopRatio } of results) {
      expect(rounds).toHaveLength(2);
      expect(lowestRatio).toBeLessThanOrEqual(ratio);
      expect(highestRatio).toBeGreaterThanOrEqual(ratio);
      expect(flopRatio).toBeGreaterThanOrEqual(1);
    }
    expect(told.at(-1)).toBe('round 2 of 2 ...');
  });

  it('relates rate, work and time of a product', async () => {
    const shape = { m: 24, k: 40, n: 12, transposeA: true, transposeB: true };
    const result = await benchMatmul(device, shape);
    expect(result).toMatchObject(shape);
    expect(result.gflops * result.microseconds * 1000).toBeCloseTo(2 * 24 * 40 * 12, 3);
    expect(result.gflops).toBeGreaterThanOrEqual(result.medianGflops);
    expect(result.variant).toMatch(/\w/);
  });

  it('measures attention and elementwise operations', async () => {
    const attention = await benchAttention(device, { batch: 1, heads: 2, time: 16, headWidth: 8 });
    expect(attention.forwardGflops).toBeGreaterThan(0);
    expect(attention.variant).toMatch(/\w/);
    const elementwise = await benchElementwise(device, 32, 16);
    expect(elementwise.map(({ operation }) => operation)).toEqual([
      'add',
      'gelu',
      'softmax',
      'layerNorm',
      'sum',
    ]);
    for (const { gigabytesPerSecond } of elementwise) expect(gigabytesPerSecond).toBeGreaterThan(0);
  });
});

describe.skipIf(!built)('the program', () => {
  it('prints the figures of a step as one JSON document', async () => {
    const { status, stdout } = await bench('step', ...TINY_FLAGS, '--steps', '4', '--profile', '--json');
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as Record<string, unknown> &
      Record<'tokensPerSecond' | 'stepMs', number>;
    expect(Object.keys(result).slice(0, 15)).toEqual([
      'size',
      'objective',
      'adapter',
      'tokensPerSecond',
      'bestTokensPerSecond',
      'stepMs',
      'firstStepMs',
      'dispatches',
      'peakGpuBytes',
      'cpuSecondsPerStep',
      'flopsPerStep',
      'achievedGflops',
      'bestMatmulGflops',
      'loss0',
      'loss20',
    ]);
    expect(result).toMatchObject({ size: 'S+', objective: 'ntp', steps: 4 });
    expect(result.tokensPerSecond * result.stepMs).toBeCloseTo(1000 * TINY.batch * TINY.context, 3);
  });

  it('generates', async () => {
    const { status, stdout } = await bench('generate', ...TINY_FLAGS.slice(0, -2), '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ size: 'S+', sequences: 1, promptTokens: 4, newTokens: 13 });
  });

  it.each([
    [['step', '--size', 'XL'], '--size XL: expected one of S, M.'],
    [['step', '--batch', '0'], '--batch: expected a whole number from 1 to 65,536, got "0".'],
    [['step', '--heads', '3'], 'multiple of the heads'],
    [['step', '--objective', 'next'], 'expected one of ntp, mtp'],
    [['step', '--registers', '0.5'], 'ntp has no registers'],
    [['step', '--layout', 'interleaved'], 'ntp has no registers'],
    [['matmul', '--m', '4'], 'expected all of --m, --k and --n'],
    [['matmul', '--m', 'four'], 'expected a whole number'],
    [['attention', '--time', '4'], 'expected all of --batch, --heads, --time and --headWidth'],
  ])('refuses %j in one line', async (args, message) => {
    const { status, stdout, stderr } = await bench(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});
