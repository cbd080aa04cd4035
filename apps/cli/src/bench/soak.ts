import type { Device } from '@foretoken/tensor';
import { median, slopeOf } from '../statistics.js';
import { trainingIntervals } from './intervals.js';
import { TrainingStep, type Workload } from './training.js';

/** Updates after which everything has been compiled and allocated, and the first look is taken. */
export const SETTLED_STEPS = 100;
/** Looks after the first one, spread evenly. */
const LOOKS = 10;

/** What is held after some updates, with none in flight. */
export interface SoakPoint {
  readonly step: number;
  /** The most that was ever allocated. */
  readonly peakGpuBytes: number;
  readonly allocatedGpuBytes: number;
  readonly liveBuffers: number;
  /** Resident memory of the process, which on a software adapter holds what a GPU would. */
  readonly rssBytes: number;
  /** JavaScript objects in use or not yet collected. */
  readonly heapBytes: number;
}

export interface SoakMeasurement {
  readonly points: readonly SoakPoint[];
  /** The median over all steps behind the first look. */
  readonly stepMs: number;
}

function look(device: Device, step: number): SoakPoint {
  const { peakBytes, liveBytes, pooledBytes, liveBuffers } = device.memory();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    step,
    peakGpuBytes: peakBytes,
    allocatedGpuBytes: liveBytes + pooledBytes,
    liveBuffers,
    rssBytes: rss,
    heapBytes: heapUsed,
  };
}

/** Trains for `steps` updates on fresh batches, and looks at the memory now and then. */
export async function soak(
  device: Device,
  workload: Workload,
  steps: number,
  onLook: (point: SoakPoint) => void,
): Promise<SoakMeasurement> {
  const evenly = Array.from({ length: LOOKS }, (_, at) => Math.round(((at + 1) * steps) / LOOKS));
  const looks = [SETTLED_STEPS, ...evenly.filter((step) => step > SETTLED_STEPS)];
  const step = new TrainingStep(device, workload);
  try {
    const points: SoakPoint[] = [];
    const settled: number[] = [];
    let done = 0;
    await step.warmUp(step.prepare(0));
    for (const next of looks) {
      const count = next - done;
      const intervals = await trainingIntervals(step, (at) => at < count, done);
      if (done > 0) settled.push(...intervals);
      done = next;
      const point = look(device, done);
      points.push(point);
      onLook(point);
    }
    return { points, stepMs: median(settled) };
  } finally {
    step.dispose();
  }
}

/** How memory changes with steps. */
export interface Trend {
  readonly bytesPerThousandSteps: number;
  readonly verdict: 'flat' | 'growing';
}

const trendOf = (points: readonly SoakPoint[], bytes: (point: SoakPoint) => number, slack: number): Trend => {
  const slope = slopeOf(
    points.map(({ step }) => step),
    points.map(bytes),
  );
  const bytesPerThousandSteps = 1000 * slope;
  return { bytesPerThousandSteps, verdict: bytesPerThousandSteps > slack ? 'growing' : 'flat' };
};

/** What a MiB more or less of garbage makes of a slope. */
const RSS_SLACK_BYTES = 2 ** 20;

/**
 * Judges memory by the slope of a line through the points. Of GPU memory not a byte may be added; the process is
 * judged by the second half of the run, once the heap of JavaScript has found its size.
 */
export function judge(points: readonly SoakPoint[]): { readonly gpu: Trend; readonly rss: Trend } {
  const late = points.slice(Math.floor((points.length - 1) / 2));
  return {
    gpu: trendOf(points, ({ peakGpuBytes }) => peakGpuBytes, 0),
    rss: trendOf(late, ({ rssBytes }) => rssBytes, RSS_SLACK_BYTES),
  };
}
