import { inFlight } from '@foretoken/train';
import type { TrainingStep } from './training.js';

/** Updates that are submitted before the loss of the first of them is waited for. */
export const IN_FLIGHT = 2;

/**
 * Trains on fresh batches, each laid out while the GPU works on those before it, until nothing is in flight any more.
 *
 * @param more - whether update number `at`, counted from 0, is to be submitted
 * @param firstBatch - number of the first batch; the others follow it
 * @returns milliseconds between one loss and the next
 */
export async function trainingIntervals(
  step: TrainingStep,
  more: (at: number) => boolean,
  firstBatch: number,
): Promise<number[]> {
  const intervals: number[] = [];
  let last = performance.now();
  const submit = (at: number): Promise<number> => step.submit(step.prepare(firstBatch + at)).item();
  for await (const _ of inFlight(submit, more, IN_FLIGHT)) {
    const now = performance.now();
    intervals.push(now - last);
    last = now;
  }
  return intervals;
}
