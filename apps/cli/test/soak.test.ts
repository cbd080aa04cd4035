import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge, type SoakPoint, soak } from '../src/bench/soak.js';
import { workloadOf } from '../src/bench/training.js';
import { bench, built, TINY, TINY_FLAGS } from './program.js';

const pointOf = (step: number, peakGpuBytes: number, rssBytes: number): SoakPoint => ({
  step,
  peakGpuBytes,
  allocatedGpuBytes: peakGpuBytes,
  liveBuffers: 1,
  rssBytes,
  heapBytes: 1,
});

describe('verdicts', () => {
  const steps = [100, 1000, 2000, 3000, 4000];

  it('allow GPU memory not a byte', () => {
    expect(judge(steps.map((step) => pointOf(step, 64, 64))).gpu).toEqual({
      bytesPerThousandSteps: 0,
      verdict: 'flat',
    });
    const grown = judge(steps.map((step) => pointOf(step, step === 4000 ? 68 : 64, 64))).gpu;
    expect(grown.verdict).toBe('growing');
  });

  it('judge the process by the second half', () => {
    const settling = steps.map((step) => pointOf(step, 64, 2 ** 20 * Math.min(step, 2000)));
    expect(judge(settling).rss).toEqual({ bytesPerThousandSteps: 0, verdict: 'flat' });
    const leaking = judge(steps.map((step) => pointOf(step, 64, 2 ** 21 * (step / 1000)))).rss;
    expect(leaking.bytesPerThousandSteps).toBeCloseTo(2 ** 21, 0);
    expect(leaking.verdict).toBe('growing');
  });
});

describe('a soak', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it.each(['ntp', 'mutor'])('of %s leaves GPU memory as it was after 100 steps', async (objective) => {
    const before = device.memory().liveBuffers;
    const workload = workloadOf(objective, TINY, { seed: 0, registers: 0.5, layout: 'appended' });
    const seen: number[] = [];
    const { points, stepMs } = await soak(device, workload, 300, ({ step }) => seen.push(step));
    expect(seen).toEqual([100, 120, 150, 180, 210, 240, 270, 300]);
    const held = ({ peakGpuBytes, allocatedGpuBytes, liveBuffers }: SoakPoint) => ({
      peakGpuBytes,
      allocatedGpuBytes,
      liveBuffers,
    });
    const [first] = points;
    for (const point of points) expect(held(point)).toEqual(held(first as SoakPoint));
    expect(judge(points).gpu.verdict).toBe('flat');
    expect(stepMs).toBeGreaterThan(0);
    expect(device.memory().liveBuffers).toBe(before);
  });
});

describe.skipIf(!built)('the program', () => {
  it('prints one JSON document', async () => {
    const { status, stdout } = await bench('soak', ...TINY_FLAGS, '--steps', '200', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      size: 'S+',
      objective: 'ntp',
      steps: 200,
      points: [100, 120, 140, 160, 180, 200].map((step) => ({ step })),
      gpu: { bytesPerThousandSteps: 0, verdict: 'flat' },
      rss: {},
    });
  });

  it('ends its table with a verdict', async () => {
    const { status, stdout } = await bench('soak', ...TINY_FLAGS, '--steps', '200');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /GPU memory: flat \(\+0\.0 MiB per 1,000 steps\)\. Process: (flat|growing) \(.+\)\.\n$/,
    );
  });

  it.each([
    [['--steps', '100'], '--steps: expected a whole number from 200 to 10,000,000, got "100".'],
    [['--registers', '0.5'], 'ntp has no registers'],
  ])('refuses %j in one line', async (args, message) => {
    const { status, stdout, stderr } = await bench('soak', ...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});
