const LONGEST = 60;
/** Control and format characters, lone surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text as one line can hold it: line breaks and commands for a terminal are escaped. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);

/** Text cut to `length` characters, with how much is missing. */
export function shorten(text: string, length = LONGEST): string {
  if (text.length <= length) return text;
  // Half of a surrogate pair is no character.
  const end = /[\uD800-\uDBFF]/.test(text[length - 1] as string) ? length - 1 : length;
  return `${text.slice(0, end)}... (${text.length.toLocaleString('en')} characters)`;
}

/**
 * A value that somebody handed in, for a message: in quotes, on one line, at most `length` characters of it.
 *
 * @example quote('two\nlines') // '"two\\nlines"'
 */
export function quote(value: unknown, length = LONGEST): string {
  if (typeof value !== 'string') return printable(shorten(describe(value), length));
  const cut = shorten(value, length);
  const kept = cut.length === value.length ? value : cut.slice(0, cut.lastIndexOf('...'));
  return `${printable(JSON.stringify(kept))}${cut.slice(kept.length)}`;
}

/** A value that is no string, in a few words; what is inside of objects may be of any size and depth. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** What the JavaScript engine says of input that goes beyond its limits, and what that means for who handed it in. */
const LIMITS_OF_ENGINE: readonly (readonly [said: RegExp, meant: string])[] = [
  [/^Maximum call stack size exceeded$/, 'it is nested too deeply, or goes round in a circle'],
  [/^Invalid string length$/, 'it makes a text that is too long'],
  [
    /^(Invalid (typed )?array length\b.*|Array buffer allocation failed)$/,
    'it makes a list that is too long',
  ],
];

/** A message of somebody else's code on one line, cut to a length that a person reads. */
export function oneLine(message: string, length = 300): string {
  const said = message.replace(/\s+/g, ' ').trim();
  const [, meant = said] = LIMITS_OF_ENGINE.find(([pattern]) => pattern.test(said)) ?? [];
  return shorten(printable(meant), length);
}
