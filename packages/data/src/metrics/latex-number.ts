/** Commands that set their argument in another type and say nothing else. */
const STYLES = '(?:mathbf|textbf|boldsymbol|bm|mathit|textit|emph|underline|displaystyle|bf)';
/** Commands whose argument is words: units, mostly. */
const WORDS = '(?:text|textrm|mathrm|mbox|hbox|operatorname|textsf|mathsf|rm)';

/** Something in braces, without braces inside. */
const GROUP = String.raw`\{([^{}]*)\}`;

const fullWidth = (character: string): string =>
  String.fromCharCode(character.charCodeAt(0) - 0xff10 + '0'.charCodeAt(0));

/**
 * Numbers of a text as they are written without LaTeX: `9{,}500`, `9\,500`, `9,\!500` and `9\u202f500` are `9,500`,
 * `\$5` is `$5`, and all signs that stand for minus are one. Nothing else is changed.
 */
export function plainNumbers(text: string): string {
  return (
    text
      .replace(/[\u2212\u2013\ufe63\uff0d]/g, '-')
      .replace(/[\uff10-\uff19]/g, fullWidth)
      .replace(/\{([,.])\}/g, '$1')
      .replace(/\\!/g, '')
      .replace(/\\([$%&#_])/g, '$1')
      // A space between digits that is not that of the keyboard, or a mark, groups thousands.
      .replace(/(?<=\d)(?:\\[,;: ]|~|\\thinspace\s?|[\u2009\u202f\u00a0'\u2019_])(?=\d{3}(?!\d))/g, ',')
  );
}

/** Characters of a box that are read: what is longer is no number. */
const LONGEST_BOX = 1000;
/** Boxes that are looked at, from the last one back. */
const MOST_BOXES = 100;

/** Where the group ends that begins with the brace at `start`; undefined where it does not end, or late. */
function endOfGroup(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < Math.min(text.length, start + LONGEST_BOX); at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return undefined;
}

/** What stands in the last box of a text, whatever is inside of it. */
export function lastBoxed(text: string): string | undefined {
  for (const { 0: command, index } of [...text.matchAll(/\\f?boxed\b\s*|\\fbox\b\s*/g)]
    .slice(-MOST_BOXES)
    .reverse()) {
    const start = index + command.length;
    if (text[start] !== '{') {
      const [token] = /^-?\d/.exec(text.slice(start, start + 2)) ?? [];
      if (token !== undefined) return token;
      continue;
    }
    const end = endOfGroup(text, start);
    if (end !== undefined) return text.slice(start + 1, end);
  }
  return undefined;
}

/** A fraction of whole numbers as a decimal number where it ends, else in lowest terms. */
function fraction(sign: string, whole: string, above: string, below: string): string | undefined {
  let [top, bottom] = [BigInt(above), BigInt(below)];
  if (bottom === 0n) return undefined;
  top += BigInt(whole || '0') * bottom;
  const divisor = greatestDivisor(top, bottom);
  [top, bottom] = [top / divisor, bottom / divisor];
  let places = 0;
  let scale = 1n;
  while (scale % bottom !== 0n && places < bottom.toString(2).length) {
    scale *= 10n;
    places++;
  }
  if (scale % bottom !== 0n) return `${sign}${top}/${bottom}`;
  const digits = (top * (scale / bottom)).toString().padStart(places + 1, '0');
  const cut = digits.length - places;
  return `${sign}${digits.slice(0, cut)}${places > 0 ? `.${digits.slice(cut)}` : ''}`;
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  let [larger, smaller] = [a, b];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** Digits of whole numbers in fractions. */
const DIGITS = String.raw`\d{1,30}`;

const FRACTION = new RegExp(
  String.raw`^(-?)\s*(?:(${DIGITS})\s*)?\\[dtc]?frac\s*(?:\{\s*(-?${DIGITS})\s*\}\s*\{\s*(${DIGITS})\s*\}|(\d)\s*(\d))$`,
);
const SLASHED = new RegExp(String.raw`^(-?)(?:(${DIGITS})\s+)?(${DIGITS})\s*/\s*(${DIGITS})$`);

/** Decimal digits in front of a power of ten: `1.5 \times 10^{3}`. */
const POWER = /(\d)\s*(?:\\times|\\cdot|\u00d7|\*)\s*10\s*\^\s*(?:\{\s*([+-]?\d{1,3})\s*\}|([+-]?\d))/g;

/** The content of a box without what is no part of a number: type, units, signs of currency, brackets. */
function bare(content: string): string {
  let text = content.replace(/\\left|\\right|\\displaystyle|\\,|\\;|\\:|\\ |\\quad|~/g, ' ');
  for (let before = ''; before !== text; ) {
    before = text;
    text = text
      .replace(new RegExp(String.raw`\\${STYLES}\s*${GROUP}`, 'g'), '$1')
      .replace(
        new RegExp(String.raw`\\${WORDS}\s*${GROUP}(?:\s*\^\s*(?:\{[^{}]*\}|-?\w))?`, 'g'),
        (_, words) => (/^[\s$]*-?[\d.,]*\d[\s.%]*$|^\s*[$-]\s*$/.test(words) ? words : ' '),
      );
  }
  return text
    .replace(/\^\s*(?:\{\s*\\circ\s*\}|\\circ)|\\degree/g, '')
    .replace(POWER, (_, digit: string, group?: string, single?: string) => `${digit}e${group ?? single}`)
    .replace(/\b[a-zA-Z]+\s*\^\s*(?:\{[^{}]*\}|\d)/g, ' ')
    .trim();
}

/**
 * The text of a box as a number is written in plain text. Fractions become decimal numbers, `3/7` where they have no end.
 *
 * @returns what is to be read, and whether it is a number already
 */
export function plainBoxed(content: string): { readonly text: string; readonly isNumber: boolean } {
  const text = bare(content);
  const alone = text
    .replace(/^[\s$(]+|[\s$).%]+$/g, '')
    .replace(/^[a-zA-Z]\w*\s*=\s*/, '')
    .replace(/^-\s*\$/, '-');
  const found = FRACTION.exec(alone) ?? SLASHED.exec(alone);
  if (found !== null) {
    const [, sign = '', whole = '', above, below, top, bottom] = found;
    const numerator = above ?? top ?? '0';
    const isNegative = (sign === '-') !== numerator.startsWith('-');
    const number = fraction(isNegative ? '-' : '', whole, numerator.replace('-', ''), below ?? bottom ?? '1');
    if (number !== undefined) return { text: number, isNumber: true };
  }
  // A space groups thousands where the whole is one number.
  const grouped = /^-?\d{1,3}(?: \d{3})+(?:\.\d+)?$/.test(alone) ? alone.replaceAll(' ', '') : text;
  const european = /^-?\d{1,3}(?:\.\d{3})+,\d+$/.test(alone)
    ? alone.replaceAll('.', '').replace(',', '.')
    : grouped;
  return { text: european, isNumber: false };
}
