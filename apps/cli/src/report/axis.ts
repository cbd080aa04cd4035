/** What the numbers of an axis are, and so how its ticks are written. */
export type AxisKind = 'share' | 'count' | 'number' | 'difference';

/** Numbers beyond this have no place in a drawing; the range of two of them is still finite. */
const LARGEST = 1e300;

/** Room between the outermost values and the ends of an axis, in pixels: half a mark, and a little. */
const ROOM = 8;

// Each label takes its own unit (500, 1k), where a format for the axis would give all the same (0.5k).
const SHORT = "datum.value === 0 ? '0' : format(datum.value, '~s')";

/** Whether a number can be drawn. */
export const isDrawable = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= LARGEST;

/** The step of 1, 2 or 5 times a power of ten that parts a range into about so many pieces. */
function stepOf(range: number, pieces: number, least: number): number {
  const rough = Math.max(range / pieces, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5].find((each) => rough / power <= each * Math.SQRT2 * 1.12) ?? 10;
  return Math.max(digit * power, least);
}

/**
 * Round numbers between two others, both included: no two of them alike.
 *
 * @param pieces - that they part the range into, about
 * @param least - the least step: 1 where only whole numbers make sense
 */
export function ticksBetween(low: number, high: number, pieces: number, least = 0): number[] {
  const step = stepOf(high - low, pieces, least);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  // Where numbers are that large, steps are lost in rounding.
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) return [low];
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Decimals that tell ticks of this distance apart. */
const decimalsOf = (step: number): number =>
  step >= 1 ? 0 : Math.min(12, Math.ceil(-Math.log10(step) - 1e-9));

/** How ticks are written, so that no two read the same. */
function labelling(ticks: readonly number[], kind: AxisKind): object {
  const [first = 0, second = first] = ticks;
  const step = second - first || Math.abs(first) || 1;
  const most = ticks.reduce((largest, tick) => Math.max(largest, Math.abs(tick)), 0);
  if (kind === 'share') return { format: `.${decimalsOf(100 * step)}%` };
  if (step >= 1 && (kind === 'count' || most >= 1e5)) return { labelExpr: SHORT };
  if (step < 1e-6) return { format: '~e' };
  const format = `.${decimalsOf(step)}f`;
  if (kind !== 'difference') return { format };
  return { labelExpr: `datum.value === 0 ? '0' : format(datum.value, '+${format}')` };
}

export interface AxisOptions {
  readonly kind: AxisKind;
  /** Length, in pixels. */
  readonly pixels: number;
  /** Pieces that ticks part it into, about. */
  readonly pieces?: number;
  readonly title?: string | null;
  readonly grid?: boolean;
  /** Values that it reaches at least. */
  readonly reach?: readonly number[];
  /** Whether only whole numbers make sense. */
  readonly whole?: boolean;
}

/** A linear scale that holds all values, with room for their marks, and the axis of it. */
export function linearAxis(values: readonly number[], options: AxisOptions): { scale: object; axis: object } {
  const { kind, pixels, pieces = 5, title = null, grid = true, reach = [], whole = false } = options;
  const [low, high] = rangeOf([...values, ...reach]);
  const ticks = ticksBetween(low, high, pieces, whole ? 1 : 0);
  const room = ((high - low) * ROOM) / (pixels - 2 * ROOM);
  return {
    scale: { domain: [low - room, high + room], nice: false, zero: false },
    axis: { title, grid, values: ticks, labelOverlap: false, ...labelling(ticks, kind) },
  };
}

/** The least and the greatest of some numbers; where that is one number, or none, there is something about it. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (low > high) return [0, 1];
  if (high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high))) return [low, high];
  const about = low === 0 ? 1 : Math.abs(low) / 10;
  return [low - about, high + about];
}

/** 1, 2, 5, 10, 20, ... from the last one below `low` to the first one above `high`. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power < 10 * high; power++) {
    for (const digit of [1, 2, 5]) ticks.push(Number(`${digit}e${power}`));
  }
  const first = ticks.findLastIndex((tick) => tick <= low);
  const last = ticks.findIndex((tick) => tick >= high);
  return ticks.slice(first, last + 1);
}

/** Of these ticks powers of ten alone, or every second of them, ..., until there are few enough. */
function thinned(ticks: readonly number[], most: number): number[] {
  if (ticks.length <= most) return [...ticks];
  const powers = ticks.filter((tick) => Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9);
  const stride = Math.ceil(powers.length / most);
  return powers.filter((_, at) => at % stride === 0);
}

/** Values whose greatest is that many times their least need a logarithmic scale to be seen. */
const WIDE = 20;

/** A scale for losses, which are above zero: linear, or logarithmic where they differ by much. */
export function lossAxis(
  values: readonly number[],
  options: Omit<AxisOptions, 'kind'>,
): { scale: object; axis: object } {
  const above = values.filter((value) => value > 0);
  const [low, high] = rangeOf(above);
  if (above.length === 0 || high / low < WIDE) return linearAxis(values, { kind: 'number', ...options });
  const { pieces = 5, title = null, grid = true } = options;
  const ticks = logTicks(low, high);
  return {
    scale: { type: 'log', domain: [ticks[0], ticks.at(-1)], nice: false },
    axis: { title, grid, values: thinned(ticks, pieces + 1), labelOverlap: false, format: '~g' },
  };
}
