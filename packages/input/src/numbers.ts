import { InputError, type InputErrorClass } from './errors.js';
import { quote } from './quote.js';

/** What a number may be. */
export interface NumberRange {
  /** What it is, as the message names it: `--steps`. */
  readonly what: string;
  readonly min?: number;
  readonly max?: number;
  /** Thrown instead of `InputError`. */
  readonly error?: InputErrorClass;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** No number of digits that means something is longer. */
const LONGEST = 40;

const written = (value: number): string =>
  Math.abs(value) >= 1e15 ? String(value) : value.toLocaleString('en', { maximumFractionDigits: 12 });

function rangeText({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: NumberRange): string {
  if (Number.isFinite(min) && Number.isFinite(max)) return ` from ${written(min)} to ${written(max)}`;
  if (Number.isFinite(min)) return ` of at least ${written(min)}`;
  return Number.isFinite(max) ? ` of at most ${written(max)}` : '';
}

function parse(
  text: string,
  range: NumberRange,
  kind: string,
  isAllowed: (value: number) => boolean,
): number {
  const { what, min = -Number.MAX_VALUE, max = Number.MAX_VALUE, error: ErrorClass = InputError } = range;
  const value = text.length <= LONGEST && NUMBER.test(text) ? Number(text) : Number.NaN;
  if (isAllowed(value) && value >= min && value <= max) return value;
  throw new ErrorClass(`${what}: expected a ${kind}${rangeText(range)}, got ${quote(text)}.`);
}

/**
 * A decimal number: `0.5`, `.5`, `-2`, `1e-3`. Hexadecimal, infinities, spaces and units are refused.
 *
 * @throws InputError in one line that states the range
 */
export const parseNumber = (text: string, range: NumberRange): number =>
  parse(text, range, 'number', Number.isFinite);

/**
 * A whole number of which no digit is lost: `500`, `1e3`.
 *
 * @throws InputError in one line that states the range
 */
export const parseWholeNumber = (text: string, range: NumberRange): number =>
  parse(text, range, 'whole number', Number.isSafeInteger);
