import { printable, shorten } from '@foretoken/input';

/** What stands for a figure that is no number. */
export const NO_FIGURE = 'n.a.';

/** `1.23e12` as people write it: `1.23T`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return NO_FIGURE;
  for (const [size, unit] of [
    [1e15, 'P'],
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= size) return `${(value / size).toPrecision(3)}${unit}`;
  }
  return String(Math.round(value));
}

export const formatShare = (value: number): string =>
  Number.isFinite(100 * value) ? `${(100 * value).toFixed(1)}%` : NO_FIGURE;

/** A figure with so many decimals. */
export const formatFixed = (value: number, decimals: number): string =>
  Number.isFinite(value) ? value.toFixed(decimals) : NO_FIGURE;

export const formatMebibytes = (bytes: number | null): string =>
  bytes === null ? '-' : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const BYTE_UNITS = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
  [1, 'bytes'],
] as const;

/** `240/988 MB`: bytes of a total, in the unit of the total. */
export function formatBytes(done: number, total: number): string {
  const [size, unit] = BYTE_UNITS.find(([each]) => total >= each) ?? [1, 'bytes'];
  const decimals = total / size < 10 && size > 1 ? 1 : 0;
  return `${(done / size).toFixed(decimals)}/${(total / size).toFixed(decimals)} ${unit}`;
}

/** The time of day of a moment, `14:05`, with the date where that is another day. */
export function formatClock(at: number, now: number): string {
  const [then, today] = [new Date(at), new Date(now)];
  if (Number.isNaN(then.getTime())) return 'some day';
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === today.toDateString()) return time;
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`;
}

/** `75` as `1:15`, `4000` as `1:06:40`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A stretch of time in words: `7 s`, `1 min 6 s`, `2 h 5 min`, `3 days 4 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  const pairs = [
    [86_400, 3600, whole >= 2 * 86_400 ? 'days' : 'day', 'h'],
    [3600, 60, 'h', 'min'],
    [60, 1, 'min', 's'],
  ] as const;
  for (const [large, small, name, rest] of pairs) {
    if (whole < large) continue;
    const left = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large).toLocaleString('en')} ${name}${left === 0 ? '' : ` ${left} ${rest}`}`;
  }
  return `${whole} s`;
}

/** Characters of a cell: more than the path of a run has. */
const WIDEST = 160;

/** Columns of text. The first is flush left; the others are flush right, as figures are, or left too. */
export function formatTable(
  titles: readonly string[],
  cells: readonly (readonly string[])[],
  others: 'left' | 'right' = 'right',
): string {
  // Names may come from anybody.
  const plain = (row: readonly string[]): string[] => row.map((text) => shorten(printable(text), WIDEST));
  const [header, rows] = [plain(titles), cells.map(plain)];
  const widths = header.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const cell = (text: string, at: number): string =>
    at === 0 || others === 'left' ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0);
  const line = (cells: readonly string[]): string => cells.map(cell).join('  ').trimEnd();
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
