import { formatClock, formatDuration } from '../format.js';
import { type Piece, piece } from './fit.js';
import type { RunLine } from './run-line.js';

const meanOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Seconds that all runs together are to take still, at most: those of a run that goes on by its own pace, those that
 * wait by that of runs of their kind, or of all where there was none yet.
 *
 * @param jobs - runs at a time
 * @returns undefined while no pace is known
 */
export function secondsLeftOfAll(lines: readonly RunLine[], jobs: number, now: number): number | undefined {
  const paces = lines.flatMap((line) => {
    const seconds = line.secondsOfStep(now);
    return seconds === undefined ? [] : [{ kind: line.kind, seconds }];
  });
  const ofAll = meanOf(paces.map(({ seconds }) => seconds));
  if (ofAll === undefined) return undefined;
  const paceOf = (kind: string): number =>
    meanOf(paces.filter((each) => each.kind === kind).map(({ seconds }) => seconds)) ?? ofAll;
  let [total, longest] = [0, 0];
  for (const line of lines) {
    if (line.state === 'done') continue;
    if (!Number.isFinite(line.steps)) return undefined;
    const left = line.secondsLeft(now) ?? paceOf(line.kind) * (line.steps - line.step);
    total += left;
    longest = Math.max(longest, left);
  }
  return Math.max(total / jobs, longest);
}

/**
 * `3 of 12 runs done  0:40 left for all, until 14:05` in pieces.
 *
 * @param expected - runs that will be added
 */
export function totalPieces(
  lines: readonly RunLine[],
  { jobs, expected, now }: { readonly jobs: number; readonly expected: number; readonly now: number },
): Piece[] {
  const done = lines.filter(({ state }) => state === 'done').length;
  const all = lines.length + expected;
  // How long runs take that are not known yet nobody can say.
  const left = done === all || expected > 0 ? undefined : secondsLeftOfAll(lines, jobs, now);
  const stopped = lines.some(({ state }) => state === 'stopped');
  return [
    piece(100, `${done} of ${all} runs done`, `${done}/${all} runs`),
    ...(left === undefined || stopped
      ? []
      : [
          piece(90, `at most ${formatDuration(left)} left for all`, `${formatDuration(left)} left`),
          piece(50, `until ${formatClock(now + 1000 * left, now)}`),
        ]),
  ];
}
