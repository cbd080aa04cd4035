import type { OnPhase, PhaseEvent } from './events.js';

/**
 * Yields the phases that some work tells of while it goes on. Where they come faster than they are taken, the newest
 * is enough.
 *
 * @returns what the work comes to
 */
export async function* phasesOf<Result>(
  work: (onPhase: OnPhase) => Promise<Result>,
): AsyncGenerator<PhaseEvent, Result> {
  let newest: PhaseEvent | undefined;
  let wake = (): void => {};
  let isOver = false;
  const running = work((phase) => {
    newest = { type: 'phase', ...phase };
    wake();
  }).finally(() => {
    isOver = true;
    wake();
  });
  try {
    while (!isOver) {
      const heard = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (newest === undefined && !isOver) await heard;
      const event = newest;
      newest = undefined;
      if (event !== undefined) yield event;
    }
    return await running;
  } finally {
    // Where the caller stops listening, nobody else waits for what is under way.
    await running.catch(() => {});
  }
}
