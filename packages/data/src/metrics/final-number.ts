/** A number as it is written in answers: thousands commas, a fraction, a sign, a dollar sign on either side of it. A minus
 * behind a number or a word stands between two things: the 5 of "10-5" is not negative. */
const NUMBER = String.raw`(?:(?<![\w).])-\$?|\$\s?-?)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+|(?<!\d)(?=\.\d))(?:\.\d+)?`;

/** The marker of the data set and of its authors' own evaluation, to the letter. */
const MARKED = /#### (-?[0-9.,]+)/;

const BOXED = /\\boxed\{([^{}]*)\}/g;

const STATED = new RegExp(String.raw`answer\s*(?:is|:|=)\s*[^\d\n$.-]{0,20}(${NUMBER})`, 'gi');

/**
 * A written number in one form, so that equal numbers are equal strings: "$1,050.00" is "1050". Exact for any number
 * of digits.
 *
 * @returns undefined when the text is no number, "1.2.3" for instance
 */
export function normalizeNumber(text: string): string | undefined {
  const bare = text.replace(/[$,\s]/g, '').replace(/\.$/, '');
  const parts = /^(-?)(\d*)(?:\.(\d+))?$/.exec(bare);
  if (parts === null) return undefined;
  const [, minus = '', whole = '', fraction = ''] = parts;
  if (whole === '' && fraction === '') return undefined;
  const digits = whole.replace(/^0+/, '') || '0';
  const decimals = fraction.replace(/0+$/, '');
  const size = decimals === '' ? digits : `${digits}.${decimals}`;
  return minus === '-' && size !== '0' ? `-${size}` : size;
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
  // Typographic minus signs are no different from the one on a keyboard.
  const text = answer.replace(/[\u2212\u2013]/g, '-');
  const marked = text.indexOf('####');
  const behind = marked < 0 ? undefined : firstNumber(text.slice(marked));
  const boxed = [...text.matchAll(BOXED)].at(-1)?.[1];
  const stated = [...text.matchAll(STATED)].at(-1)?.[1];
  return (
    behind ??
    (boxed === undefined ? undefined : lastNumber(boxed)) ??
    (stated === undefined ? undefined : normalizeNumber(stated)) ??
    lastNumber(text)
  );
}

function firstNumber(text: string): string | undefined {
  const written = new RegExp(NUMBER).exec(text)?.[0];
  return written === undefined ? undefined : normalizeNumber(written);
}
