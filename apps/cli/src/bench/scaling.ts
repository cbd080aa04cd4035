import { type Device, OutOfMemoryError } from '@foretoken/tensor';
import { median, powerExponent } from '../statistics.js';
import { trainingIntervals } from './intervals.js';
import type { StepSize } from './sizes.js';
import { TrainingStep, type Workload } from './training.js';

const LEAST_STEPS = 5;
const MOST_STEPS = 200;

/** What a training step of one size costs. */
export interface ScalingPoint extends StepSize {
  /** The median over the timed steps. */
  readonly stepMs: number;
  /** Timed steps. */
  readonly steps: number;
  /** Tokens of data, whatever registers or heads an objective adds. */
  readonly tokensPerSecond: number;
  /** From the call of the first step to its loss on the host: tracing and compilation included. */
  readonly firstStepMs: number;
  /** The most that was ever allocated: parameters, moments, working memory. */
  readonly peakGpuBytes: number;
  /** Working memory of the step; null where the adapter has no timestamps. */
  readonly arenaBytes: number | null;
  readonly flopsPerStep: number;
  readonly achievedGflops: number;
}

export const axisNames = ['context', 'width'] as const;
export type AxisName = (typeof axisNames)[number];

/** Points along one axis, everything else but the sequences of a step being the same. */
export interface ScalingAxis {
  readonly points: readonly ScalingPoint[];
  /** Sizes that the adapter has no memory for. */
  readonly skipped: readonly { readonly size: StepSize; readonly reason: string }[];
  /** `p` of the fit `cost = c * axis^p`; null where there are fewer than two points. */
  readonly exponents: {
    readonly stepMs: number | null;
    /** Along the context, of the memory of one sequence: 1 is linear in the context. Along the width, of a step. */
    readonly memory: number | null;
  };
}

export type ScalingAxes = { readonly [Name in AxisName]: ScalingAxis };

export interface ScalingOptions {
  /** Sizes along each axis, in rising order. */
  readonly sizes: { readonly [Name in AxisName]: readonly StepSize[] };
  /** Measures a size, and leaves nothing of it for the next. */
  readonly measure: (size: StepSize) => Promise<ScalingPoint>;
  readonly onProgress: (text: string) => void;
}

/** Working memory of a step, or all of its memory where that is all that is known. */
export const stepBytes = ({ arenaBytes, peakGpuBytes }: ScalingPoint): number => arenaBytes ?? peakGpuBytes;

/** The share of one sequence in the memory of a step. */
export const sequenceBytes = (point: ScalingPoint): number => stepBytes(point) / point.batch;

/** Trains one workload for a while, on a device that has held nothing else: its peak is that of the workload. */
export async function measurePoint(
  device: Device,
  workload: Workload,
  seconds: number,
): Promise<ScalingPoint> {
  const { context, batch } = workload.size;
  const step = new TrainingStep(device, workload);
  try {
    const first = step.prepare(0);
    const start = performance.now();
    await step.warmUp(first);
    await step.submit(first).item();
    const compiled = performance.now();
    const intervals = await trainingIntervals(
      step,
      (at) => at < LEAST_STEPS || (at < MOST_STEPS && performance.now() - compiled < 1000 * seconds),
      1,
    );
    const peakGpuBytes = device.memory().peakBytes;
    const profile = device.features.has('timestamp-query') ? await step.profile(first) : undefined;
    const stepMs = median(intervals);
    return {
      ...workload.size,
      stepMs,
      steps: intervals.length,
      tokensPerSecond: (1000 * batch * context) / stepMs,
      firstStepMs: compiled - start,
      peakGpuBytes,
      arenaBytes: profile?.arenaBytes ?? null,
      flopsPerStep: step.flops,
      achievedGflops: step.flops / stepMs / 1e6,
    };
  } finally {
    step.dispose();
  }
}

/** What the steps of all points have in common: their tokens, or else their sequences. */
export function loadOf(points: readonly ScalingPoint[]): string {
  const [first] = points;
  if (first === undefined) return 'no steps';
  const tokens = first.batch * first.context;
  return points.every(({ batch, context }) => batch * context === tokens)
    ? `${tokens.toLocaleString('en-US')} tokens a step`
    : `${first.batch} ${first.batch === 1 ? 'sequence' : 'sequences'} a step`;
}

/** Fits a power of the axis to time and memory. */
export function fitAxis(name: AxisName, points: readonly ScalingPoint[]): ScalingAxis['exponents'] {
  const along = points.map((point) => point[name]);
  const memory = points.map(name === 'context' ? sequenceBytes : stepBytes);
  const stepMs = points.map((point) => point.stepMs);
  return { stepMs: powerExponent(along, stepMs), memory: powerExponent(along, memory) };
}

/** Measures the points of both axes. What does not fit the adapter is left out. */
export async function benchScaling({ sizes, measure, onProgress }: ScalingOptions): Promise<ScalingAxes> {
  const axis = async (name: AxisName): Promise<ScalingAxis> => {
    const points: ScalingPoint[] = [];
    const skipped: { size: StepSize; reason: string }[] = [];
    for (const size of sizes[name]) {
      onProgress(`context ${size.context}, width ${size.width}, sequences ${size.batch} ...`);
      try {
        points.push(await measure(size));
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        onProgress(`left out: ${error.message}`);
        skipped.push({ size, reason: error.message });
      }
    }
    return { points, skipped, exponents: fitAxis(name, points) };
  };
  return { context: await axis('context'), width: await axis('width') };
}
