import { parseNumber, parseWholeNumber, quote } from '@foretoken/input';
import { UsageError } from './errors.js';

/** What messages call a value until the argument parser has put the name of its flag in its place. */
export const VALUE = 'value';

/** Where nothing else bounds a size: far above anything useful, so that a slip of the keyboard is told. */
const LARGEST = 2 ** 24;

/** A parser of whole numbers from `least` to `most`. */
export const wholeNumber =
  (least = 1, most = LARGEST) =>
  (text: string): number =>
    parseWholeNumber(text, { what: VALUE, min: least, max: most, error: UsageError });

/** A parser of numbers from `least` to `most`. */
export const numberFrom =
  (least: number, most: number) =>
  (text: string): number =>
    parseNumber(text, { what: VALUE, min: least, max: most, error: UsageError });

/** A parser of numbers above zero. */
export const numberAboveZero =
  (most: number) =>
  (text: string): number => {
    const value = numberFrom(0, most)(text);
    if (value > 0) return value;
    throw new UsageError(
      `${VALUE}: expected a number above 0 and at most ${most.toLocaleString('en')}, got ${quote(text)}.`,
    );
  };

/** Text that says something: a flag with nothing behind it is a mistake. */
export function text(value: string): string {
  if (value !== '') return value;
  throw new UsageError(`${VALUE}: expected a value, got nothing.`);
}

/** Seeds of everything: whole numbers that keep all their digits. */
export const seedNumber = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const optionalNumber = (brief: string, most = LARGEST) =>
  ({ kind: 'parsed', parse: wholeNumber(1, most), optional: true, placeholder: 'N', brief }) as const;

export const optionalText = (placeholder: string, brief: string) =>
  ({ kind: 'parsed', parse: text, optional: true, placeholder, brief }) as const;

/** Text that may be given again. */
export const optionalTexts = (placeholder: string, brief: string) =>
  ({ kind: 'parsed', parse: text, optional: true, variadic: true, placeholder, brief }) as const;

export const jsonFlag = { kind: 'boolean', default: false, brief: 'Print JSON' } as const;
