import type { Device, KernelTime } from '@foretoken/tensor';
import { inFlight } from '@foretoken/train';
import { median, quantile } from '../statistics.js';
import { IN_FLIGHT } from './intervals.js';
import type { NamedSize, StepSize } from './sizes.js';
import { TrainingStep, type Workload } from './training.js';
import { trainInTurns } from './turns.js';

/** Updates on the fixed batch, after which `loss20` is the loss. */
const FIXED_UPDATES = 20;

export interface StepResult {
  readonly size: string;
  readonly objective: string;
  readonly adapter: string;
  /** Data tokens (batch times context, whatever the objective adds) at the median step. */
  readonly tokensPerSecond: number;
  /** The same over the best run of consecutive steps, as many as are in flight and one more. */
  readonly bestTokensPerSecond: number;
  readonly stepMs: number;
  /** From the call of the first step to its loss on the host: tracing and compilation included. */
  readonly firstStepMs: number;
  readonly dispatches: number | null;
  readonly peakGpuBytes: number;
  readonly cpuSecondsPerStep: number;
  readonly flopsPerStep: number;
  readonly achievedGflops: number;
  /** The best product at the median of its repeats, measured in turns with the steps. */
  readonly bestMatmulGflops: number;
  readonly loss0: number;
  readonly loss20: number;
  /** What the step achieves as a share of the best product: the median over turns of its share of the products around it. */
  readonly shareOfBestMatmul: number;
  /** The best repeat of a product. */
  readonly peakMatmulGflops: number;
  /** The rate of the best run of steps to `peakMatmulGflops`. */
  readonly shareAtPeak: number;
  readonly stepMsP10: number;
  readonly stepMsP90: number;
  readonly steps: number;
  readonly arenaBytes: number | null;
  /** The most of the arena that is in use at one time: no plan for these kernels could do with less. */
  readonly liveBytes: number | null;
  /** CPU of the thread that runs JavaScript, as a share of the time that training took. */
  readonly jsThreadShare: number | null;
  /** All fields of the size. */
  readonly fields: StepSize;
  /** Settings of the objective that are not its defaults, and where registers lie. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly kernels?: readonly KernelShare[];
}

/** All dispatches of one kernel in a step. */
export interface KernelShare {
  readonly name: string;
  readonly calls: number;
  readonly microseconds: number;
  /** Of the sum over all kernels. */
  readonly share: number;
  readonly gigabytesPerSecond: number;
}

export interface StepOptions {
  readonly named: NamedSize;
  readonly workload: Workload;
  /** Timed steps; about seven seconds of them, and at least twelve, when absent. */
  readonly steps: number | undefined;
  /** Add the kernels of one step. */
  readonly profile: boolean;
  readonly onProgress: (text: string) => void;
}

/** Loss before and after the updates on the fixed batch, and the time of the first of them. */
async function fixedBatch(
  step: TrainingStep,
): Promise<{ firstStepMs: number; loss0: number; loss20: number }> {
  const batch = step.prepare(0);
  const start = performance.now();
  await step.warmUp(batch);
  const loss0 = await step.submit(batch).item();
  const firstStepMs = performance.now() - start;
  let loss20 = loss0;
  for await (const loss of inFlight(
    () => step.submit(batch).item(),
    (at) => at < FIXED_UPDATES,
    IN_FLIGHT,
  ))
    loss20 = loss;
  return { firstStepMs, loss0, loss20 };
}

/** Mean of the fastest run of neighbours: one interval alone is short where the loss before it was read late. */
export function bestOfNeighbours(intervals: readonly number[], count: number): number {
  const length = Math.min(count, intervals.length);
  const means = Array.from({ length: intervals.length - length + 1 }, (_, first) => {
    const run = intervals.slice(first, first + length);
    return run.reduce((sum, value) => sum + value, 0) / length;
  });
  return Math.min(...means);
}

/** The kernels of a step by name and variant, the most expensive first. */
export function groupKernels(kernels: readonly KernelTime[]): KernelShare[] {
  const total = kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const groups = new Map<string, { calls: number; microseconds: number; bytes: number }>();
  for (const { name: plainName, variant, microseconds, bytes } of kernels) {
    const name = variant === undefined ? plainName : `${plainName} (${variant})`;
    const group = groups.get(name) ?? { calls: 0, microseconds: 0, bytes: 0 };
    groups.set(name, {
      calls: group.calls + 1,
      microseconds: group.microseconds + microseconds,
      bytes: group.bytes + bytes,
    });
  }
  return [...groups]
    .map(([name, { calls, microseconds, bytes }]) => ({
      name,
      calls,
      microseconds,
      share: microseconds / total,
      gigabytesPerSecond: bytes / microseconds / 1000,
    }))
    .sort((a, b) => b.microseconds - a.microseconds);
}

/** Trains one objective for a while, in turns with products of matrices. */
export async function benchStep(device: Device, options: StepOptions): Promise<StepResult> {
  const { named, workload, steps, onProgress } = options;
  const { batch, context } = named.size;
  const step = new TrainingStep(device, workload);
  try {
    onProgress(
      `${workload.objective} ${named.name}: first step, and ${FIXED_UPDATES} updates on one batch ...`,
    );
    const { firstStepMs, loss0, loss20 } = await fixedBatch(step);
    const peakGpuBytes = device.memory().peakBytes;
    onProgress(`first step ${firstStepMs.toFixed(0)} ms; training and matrix products in turns ...`);
    const turns = await trainInTurns(device, { step, size: named.size, steps });
    const profile = device.features.has('timestamp-query') ? await step.profile(step.prepare(0)) : undefined;
    const { intervals, wallSeconds, cpuSeconds, mainThreadSeconds } = turns;
    const { medianMatmulGflops, peakMatmulGflops, shareOfBestMatmul } = turns;
    const stepMs = median(intervals);
    const bestStepMs = bestOfNeighbours(intervals, IN_FLIGHT + 1);
    const tokens = batch * context;
    const achievedGflops = step.flops / stepMs / 1e6;
    return {
      size: named.name,
      objective: workload.objective,
      adapter: device.info.name,
      tokensPerSecond: (1000 * tokens) / stepMs,
      bestTokensPerSecond: (1000 * tokens) / bestStepMs,
      stepMs,
      firstStepMs,
      dispatches: profile?.dispatches ?? null,
      peakGpuBytes,
      cpuSecondsPerStep: cpuSeconds / intervals.length,
      flopsPerStep: step.flops,
      achievedGflops,
      bestMatmulGflops: medianMatmulGflops,
      loss0,
      loss20,
      shareOfBestMatmul,
      peakMatmulGflops,
      shareAtPeak: step.flops / bestStepMs / 1e6 / peakMatmulGflops,
      stepMsP10: quantile(intervals, 0.1),
      stepMsP90: quantile(intervals, 0.9),
      steps: intervals.length,
      arenaBytes: profile?.arenaBytes ?? null,
      liveBytes: profile?.liveBytes ?? null,
      jsThreadShare: mainThreadSeconds === undefined ? null : mainThreadSeconds / wallSeconds,
      fields: named.size,
      settings: {
        ...workload.settings,
        ...(workload.objective === 'mutor' ? { layout: workload.layout } : {}),
        ...workload.model,
      },
      ...(options.profile && profile !== undefined ? { kernels: groupKernels(profile.kernels) } : {}),
    };
  } finally {
    step.dispose();
  }
}
