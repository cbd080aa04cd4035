import type { Device } from '@foretoken/tensor';
import { median } from '../statistics.js';
import { mainThreadCpuSeconds, processCpuSeconds } from './cpu.js';
import { trainingIntervals } from './intervals.js';
import { benchMatmul, type MatmulShape, telling } from './matmul.js';
import type { StepSize } from './sizes.js';
import type { TrainingStep } from './training.js';

/** Turns of training, each between two of products. */
const TURNS = 12;
/** Steps of a turn where no number is asked for. */
const LEAST_STEPS = 1;
const MOST_STEPS = 20;
const TURN_MILLISECONDS = 600;
/** Products that are measured in every turn: the fastest of a first look at all. */
const FINALISTS = 3;
const FINALIST_MILLISECONDS = 100;

export interface Turns {
  /** Milliseconds between one loss and the next. */
  readonly intervals: readonly number[];
  /** Of training alone, as are the other seconds. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly mainThreadSeconds: number | undefined;
  /** The best product by the median of its repeats over all turns, in GFLOP/s. */
  readonly medianMatmulGflops: number;
  /** The best repeat of all. */
  readonly peakMatmulGflops: number;
  /** What training achieves as a share of the best product: the median over turns of its share of the products before and behind it. */
  readonly shareOfBestMatmul: number;
}

/** Repeats of one product: microseconds, a list for each time that it was its turn. */
interface Finalist {
  readonly shape: MatmulShape;
  readonly turns: (readonly number[])[];
}

const gflopsOf = ({ m, k, n }: MatmulShape, microseconds: number): number =>
  (2 * m * k * n) / microseconds / 1000;

async function chooseFinalists(device: Device, size: StepSize): Promise<Finalist[]> {
  const results = [];
  for (const shape of telling(size)) results.push({ shape, ...(await benchMatmul(device, shape)) });
  return results
    .sort((a, b) => b.gflops - a.gflops)
    .slice(0, FINALISTS)
    .map(({ shape }) => ({ shape, turns: [] }));
}

async function multiply(device: Device, finalists: readonly Finalist[]): Promise<void> {
  for (const { shape, turns } of finalists) {
    turns.push((await benchMatmul(device, shape, FINALIST_MILLISECONDS)).times);
  }
}

/** Whether another step belongs to turn number `turn`, when `steps` in all are shared out or time is what counts. */
function turnEnds(turn: number, steps: number | undefined): (at: number) => boolean {
  if (steps !== undefined) {
    const share = Math.floor(((turn + 1) * steps) / TURNS) - Math.floor((turn * steps) / TURNS);
    return (at) => at < share;
  }
  const start = performance.now();
  return (at) => at < LEAST_STEPS || (at < MOST_STEPS && performance.now() - start < TURN_MILLISECONDS);
}

/**
 * Trains and multiplies matrices in turns: what else the machine does falls on both, so that the share that one has of the
 * other does not depend on the minute in which each was measured.
 *
 * @param steps - timed steps in all; about seven seconds of them when absent
 */
export async function trainInTurns(
  device: Device,
  {
    step,
    size,
    steps,
  }: { readonly step: TrainingStep; readonly size: StepSize; readonly steps: number | undefined },
): Promise<Turns> {
  const finalists = await chooseFinalists(device, size);
  const turns: (readonly number[])[] = [];
  let [wall, cpu, thread]: [number, number, number | undefined] = [0, 0, 0];
  for (let turn = 0; turn < TURNS; turn++) {
    await multiply(device, finalists);
    const before = [performance.now(), processCpuSeconds(), mainThreadCpuSeconds()] as const;
    turns.push(await trainingIntervals(step, turnEnds(turn, steps), 1 + turns.flat().length));
    const threadNow = mainThreadCpuSeconds();
    wall += (performance.now() - before[0]) / 1000;
    cpu += processCpuSeconds() - before[1];
    thread =
      thread === undefined || threadNow === undefined || before[2] === undefined
        ? undefined
        : thread + threadNow - before[2];
  }
  await multiply(device, finalists);
  const intervals = turns.flat();
  const rate = (product: Finalist, statistic: (times: readonly number[]) => number): number =>
    gflopsOf(product.shape, statistic(product.turns.flat()));
  const best = finalists.reduce((a, b) => (rate(b, median) > rate(a, median) ? b : a));
  const shares = turns.flatMap((own, turn) => {
    if (own.length === 0) return [];
    const around = best.turns.slice(turn, turn + 2).flat();
    return step.flops / median(own) / 1e6 / gflopsOf(best.shape, median(around));
  });
  return {
    intervals,
    wallSeconds: wall,
    cpuSeconds: cpu,
    mainThreadSeconds: thread,
    medianMatmulGflops: rate(best, median),
    peakMatmulGflops: Math.max(...finalists.map((each) => rate(each, (times) => Math.min(...times)))),
    shareOfBestMatmul: median(shares),
  };
}
