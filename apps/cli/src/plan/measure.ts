import type { Session } from '@foretoken/train';

/** FLOPs of a step beyond which none is made just to see how long it takes. */
const MOST_FLOPS = { software: 1e10, hardware: 2e12 } as const;
/** Seconds that steps are timed for, and how many of them at most. */
const [SECONDS, STEPS] = [1.5, 20];

/** Bytes that the two moments and the gradient of a parameter take beside it. */
const BESIDE_A_PARAMETER = 12;

/** GPU memory of a model, and of gradients and moments of what of it is trained. */
export const heldBytes = (liveBytes: number, trainedParameters: number): number =>
  liveBytes + BESIDE_A_PARAMETER * trainedParameters;

/** What some steps took that nobody keeps. */
export interface Timed {
  readonly flopsPerStep: number;
  readonly flopsPerSecond: number;
  /** The most GPU memory that was held. */
  readonly peakBytes: number;
}

/**
 * Makes a few updates to see what they take; the session is of no use afterwards. Kernels are not tuned, so that runs choose
 * theirs as if it had never been.
 *
 * @returns undefined where a step is too long to make one for that
 */
export async function timeSteps(session: Session): Promise<Timed | undefined> {
  const { device } = session;
  const { flops } = session.cost();
  if (flops > MOST_FLOPS[device.info.software ? 'software' : 'hardware']) return undefined;
  await session.warmUp({}, { tune: false });
  const update = async (step: number): Promise<void> => {
    const { figures } = session.update(step);
    await figures.data();
    figures.dispose();
  };
  await update(0);
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  let made = 0;
  while (made < STEPS && (made === 0 || seconds() < SECONDS)) await update(++made);
  return {
    flopsPerStep: flops,
    flopsPerSecond: (made * flops) / seconds(),
    peakBytes: device.memory().peakBytes,
  };
}
