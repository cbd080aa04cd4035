import { isJsonObject } from '@foretoken/input';
import type { MetricsEvent } from '@foretoken/train';
import type { RunInfo } from './run-info.js';

/** What a run has spent: the x axis. */
export const SPENT = ['step', 'tokens', 'flops', 'seconds'] as const;
export type Spent = (typeof SPENT)[number];

export interface CurvePoint {
  readonly x: number;
  readonly y: number;
}

/** One run, drawn as a line. */
export interface Curve {
  readonly run: RunInfo;
  readonly points: readonly CurvePoint[];
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Figures of an event by name: its own, those of its parts and of its scores. */
function figuresOf(event: object): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of Object.entries(event)) {
    if (isNumber(value)) found.set(name, value);
    if (!isJsonObject(value)) continue;
    const prefix = name === 'parts' ? 'parts.' : '';
    for (const [part, each] of Object.entries(value)) if (isNumber(each)) found.set(`${prefix}${part}`, each);
  }
  return found;
}

/** Names that say where in a run an event is, rather than how it goes. */
const PLACES: readonly string[] = [...SPENT];

/** The names of everything that can be drawn of runs. */
export function metricNames(runs: readonly RunInfo[]): string[] {
  const names = new Set<string>();
  for (const { metrics, evaluations } of runs) {
    for (const event of [...metrics.slice(-1), ...evaluations.slice(-1)])
      for (const name of figuresOf(event).keys()) if (!PLACES.includes(name)) names.add(name);
  }
  return [...names];
}

/** Tokens at a step: evaluations do not log them, the steps around them do. */
function tokensAt(step: number, metrics: readonly MetricsEvent[]): number | undefined {
  const after = metrics.findIndex((event) => event.step >= step);
  if (after < 0) return undefined;
  const next = metrics[after] as MetricsEvent;
  const before = metrics[after - 1] ?? { step: 0, tokens: 0 };
  if (next.step === before.step) return next.tokens;
  return before.tokens + ((step - before.step) / (next.step - before.step)) * (next.tokens - before.tokens);
}

/** The curve of a metric; without points where a run never logged it. */
export function curveOf(run: RunInfo, metric: string, spent: Spent): Curve {
  const { metrics, evaluations } = run;
  const points = [...metrics, ...evaluations].flatMap((event) => {
    const figures = figuresOf(event);
    const y = figures.get(metric);
    const x = figures.get(spent) ?? (spent === 'tokens' ? tokensAt(event.step, metrics) : undefined);
    return y === undefined || !isNumber(x) ? [] : [{ x, y }];
  });
  return { run, points: points.sort((a, b) => a.x - b.x) };
}

/**
 * A curve with noise taken out: an exponential moving average whose first values are not drawn to zero.
 *
 * @param weight - of what came before, from 0 to below 1
 */
export function smoothed({ run, points }: Curve, weight: number): Curve {
  let [mean, share] = [0, 0];
  return {
    run,
    points: points.map(({ x, y }) => {
      mean = weight * mean + (1 - weight) * y;
      share = weight * share + (1 - weight);
      return { x, y: mean / share };
    }),
  };
}
