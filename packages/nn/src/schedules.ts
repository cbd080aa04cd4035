import { ConfigError, checkCount, checkRange } from './errors.js';

/** Learning rate of a step, from the number of updates made before it: 0 for the first. */
export type Schedule = (step: number) => number;

export interface ScheduleConfig {
  /** The highest rate. */
  readonly peak: number;
  /** The rate rises evenly and reaches `peak` with update number `warmupSteps`. Default 0. */
  readonly warmupSteps?: number;
}

export interface DecayConfig extends ScheduleConfig {
  /** Updates in all, warm-up included; later ones get `floor`. */
  readonly totalSteps: number;
  /** The rate at the end. Default 0. */
  readonly floor?: number;
}

function check(name: string, { peak, warmupSteps = 0 }: ScheduleConfig, decay?: DecayConfig): void {
  checkRange(name, 'peak', peak, 0, Number.MAX_VALUE);
  checkCount(name, 'warmupSteps', warmupSteps, 0);
  if (decay === undefined) return;
  checkCount(name, 'totalSteps', decay.totalSteps);
  checkRange(name, 'floor', decay.floor ?? 0, 0, peak);
  if (warmupSteps > decay.totalSteps) {
    throw new ConfigError(`${name}: warmupSteps (${warmupSteps}) exceeds totalSteps (${decay.totalSteps}).`);
  }
}

/** `after`, with the first `warmupSteps` updates at 1/n, 2/n, ... of the peak. */
const withWarmup = ({ peak, warmupSteps = 0 }: ScheduleConfig, after: Schedule): Schedule => {
  return (step) => (step < warmupSteps ? (peak * (step + 1)) / warmupSteps : after(step));
};

/** Share of the updates between `start` and `end` that lies behind, from 0 to 1. */
const progress = (step: number, start: number, end: number): number =>
  end <= start ? 1 : Math.min(1, Math.max(0, (step - start) / (end - start)));

/** Warm-up, then `peak` for ever. */
export function constantSchedule(config: ScheduleConfig): Schedule {
  check('constantSchedule', config);
  return withWarmup(config, () => config.peak);
}

/** Warm-up, then a straight line down to `floor`. */
export function linearSchedule(config: DecayConfig): Schedule {
  check('linearSchedule', config, config);
  const { peak, warmupSteps = 0, totalSteps, floor = 0 } = config;
  return withWarmup(config, (step) => peak + (floor - peak) * progress(step, warmupSteps, totalSteps));
}

/** Warm-up, then half a cosine down to `floor` (arXiv 1608.03983, without restarts). */
export function cosineSchedule(config: DecayConfig): Schedule {
  check('cosineSchedule', config, config);
  const { peak, warmupSteps = 0, totalSteps, floor = 0 } = config;
  return withWarmup(config, (step) => {
    const share = progress(step, warmupSteps, totalSteps);
    return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * share));
  });
}

export interface WarmupStableDecayConfig extends DecayConfig {
  /** Length of the last phase. */
  readonly decaySteps: number;
  /** `linear` (default), or `squareRoot`: peak to floor as `1 - sqrt(share)` (arXiv 2405.18392). */
  readonly decay?: 'linear' | 'squareRoot';
}

/** Warm-up, then `peak` until `decaySteps` before the end, then down to `floor` (arXiv 2404.06395). */
export function warmupStableDecaySchedule(config: WarmupStableDecayConfig): Schedule {
  const name = 'warmupStableDecaySchedule';
  check(name, config, config);
  const { peak, warmupSteps = 0, totalSteps, floor = 0, decaySteps, decay = 'linear' } = config;
  checkCount(name, 'decaySteps', decaySteps, 0);
  if (warmupSteps + decaySteps > totalSteps) {
    throw new ConfigError(
      `${name}: warmupSteps (${warmupSteps}) and decaySteps (${decaySteps}) exceed totalSteps (${totalSteps}).`,
    );
  }
  return withWarmup(config, (step) => {
    const stableUntil = totalSteps - decaySteps;
    if (step < stableUntil) return peak;
    const share = progress(step, stableUntil, totalSteps);
    return peak + (floor - peak) * (decay === 'linear' ? share : Math.sqrt(share));
  });
}
