import { describe, expect, it } from 'vitest';
import type { OnPhase, PhaseEvent } from '../src/events.js';
import { phasesOf } from '../src/phases.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Takes everything, and what the work came to. */
async function taken<Result>(
  work: (onPhase: OnPhase) => Promise<Result>,
): Promise<readonly [PhaseEvent[], Result]> {
  const events = phasesOf(work);
  const all: PhaseEvent[] = [];
  for (;;) {
    const { done, value } = await events.next();
    if (done) return [all, value];
    all.push(value);
  }
}

describe('phases of work', () => {
  it('come while it goes on, with what it comes to', async () => {
    const [events, result] = await taken(async (onPhase) => {
      for (let done = 0; done <= 2; done++) {
        onPhase({ phase: 'validation', done, total: 2, unit: 'batches' });
        await turn();
      }
      return 'loss';
    });
    expect(result).toBe('loss');
    expect(events.map(({ done }) => done)).toEqual([0, 1, 2]);
    expect(events[0]).toEqual({ type: 'phase', phase: 'validation', done: 0, total: 2, unit: 'batches' });
  });

  it('are left out where newer ones have come', async () => {
    const [some] = await taken(async (onPhase) => {
      for (let done = 0; done <= 1000; done++)
        onPhase({ phase: 'weights', done, total: 1000, unit: 'bytes' });
      await turn();
    });
    expect(some.map(({ done }) => done)).toEqual([1000]);
  });

  it('end with the error of the work', async () => {
    const failing = taken(async (onPhase) => {
      onPhase({ phase: 'data' });
      await turn();
      throw new Error('no such file');
    });
    await expect(failing).rejects.toThrow('no such file');
  });

  it('wait for the work where nobody listens any more', async () => {
    let isOver = false;
    for await (const _ of phasesOf(async (onPhase) => {
      onPhase({ phase: 'data' });
      await turn();
      await turn();
      isOver = true;
    }))
      break;
    expect(isOver).toBe(true);
  });
});
