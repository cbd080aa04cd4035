import { lastBoxed, plainBoxed, plainNumbers } from './latex-number.js';

/** Digits, in groups of three or as in India, or all together. */
const DIGITS = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+|(?<!\d)(?=\.\d))`;

/** A number as it is written in answers: thousands commas, a fraction, a power of ten, a sign, a dollar sign on either side
 * of it. A minus behind a number or a word stands between two things: the 5 of "10-5" is not negative. */
const NUMBER = String.raw`(?:(?<![\w).])-\$?|\$\s?-?)?${DIGITS}(?:\.\d+)?(?:[eE][+-]?\d{1,3}(?!\w))?`;

/** The marker of the data set and of its authors' own evaluation, to the letter. */
const MARKED = /#### (-?[0-9.,]+)/;

/** Digits that a power of ten may take: longer numbers are written with it. */
const MOST_ZEROS = 400;

const STATED = new RegExp(String.raw`answer\s*(?:is|:|=)\s*[^\d\n$.-]{0,20}(${NUMBER})`, 'gi');

/**
 * A written number in one form, so that equal numbers are equal strings: "$1,050.00" is "1050". Exact for any number
 * of digits.
 *
 * @returns undefined when the text is no number, "1.2.3" for instance
 */
export function normalizeNumber(text: string): string | undefined {
  const bare = text.replace(/[$,\s]/g, '').replace(/\.$/, '');
  const parts = /^(-?)(\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/.exec(bare);
  if (parts === null) return undefined;
  const [, minus = '', first = '', rest = '', power = '0'] = parts;
  if (first === '' && rest === '') return undefined;
  const places = Number(power);
  if (Math.abs(places) > MOST_ZEROS) return `${minus}${first}${rest && `.${rest}`}e${places}`;
  const [whole, fraction] = shifted(first, rest, places);
  const digits = whole.replace(/^0+/, '') || '0';
  const decimals = withoutEnd(fraction, '0');
  const size = decimals === '' ? digits : `${digits}.${decimals}`;
  return minus === '-' && size !== '0' ? `-${size}` : size;
}

/** A text without the same character at its end, however often. A pattern would begin anew at each of them. */
function withoutEnd(text: string, character: string): string {
  let end = text.length;
  while (text[end - 1] === character) end--;
  return text.slice(0, end);
}

/** Digits before and behind the point when it is moved to the right. */
function shifted(whole: string, fraction: string, places: number): readonly [string, string] {
  if (places === 0) return [whole, fraction];
  if (places < 0) {
    const digits = whole.padStart(-places, '0');
    return [digits.slice(0, places), digits.slice(places) + fraction];
  }
  const digits = fraction.padEnd(places, '0');
  return [whole + digits.slice(0, places), digits.slice(places)];
}

/** The number behind the first `#### `, as the data set's authors and the MuToR paper read answers. */
export function markedNumber(text: string): string | undefined {
  const written = MARKED.exec(text)?.[1];
  return written === undefined ? undefined : normalizeNumber(written);
}

/** The last number in a text, with nothing said about what it stands for. */
function lastNumber(text: string): string | undefined {
  const written = [...text.matchAll(new RegExp(NUMBER, 'g'))].at(-1)?.[0];
  return written === undefined ? undefined : normalizeNumber(written);
}

/**
 * The number that an answer ends up with, whatever its form. The first of these that gives one: behind `####`; in the
 * last `\boxed{..}`; behind the last "answer is", "answer:" or "answer ="; the last number of the text.
 *
 * @returns undefined when the text has no number
 */
export function finalNumber(answer: string): string | undefined {
  const text = plainNumbers(answer);
  const marked = text.indexOf('####');
  const behind = marked < 0 ? undefined : firstNumber(text.slice(marked));
  if (behind !== undefined) return behind;
  const boxed = lastBoxed(text);
  const inside = boxed === undefined ? undefined : boxedNumber(boxed);
  if (inside !== undefined) return inside;
  const stated = [...text.matchAll(STATED)].at(-1)?.[1];
  return (stated === undefined ? undefined : normalizeNumber(stated)) ?? lastNumber(text);
}

function boxedNumber(content: string): string | undefined {
  const { text, isNumber } = plainBoxed(content);
  if (!isNumber) return lastNumber(text);
  return text.includes('/') ? text : normalizeNumber(text);
}

function firstNumber(text: string): string | undefined {
  const written = new RegExp(NUMBER).exec(text)?.[0];
  return written === undefined ? undefined : normalizeNumber(written);
}
