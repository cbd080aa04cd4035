import { TaskConfigError } from './errors.js';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };

/** A text in which `\n`, `\t` and `\r` that are written out are what they stand for; the same when it is read again. */
export const withLineEnds = (text: string): string =>
  text.replace(/\\([ntr])/g, (_, letter: string) => ESCAPES[letter] as string);

/** A text in the quotes of JSON; undefined where it is none. */
function quotedText(text: string): string | undefined {
  if (!/^".*"$/s.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A text as it can be typed in a shell: `\n`, `\t` and `\r` stand for what they do in most languages, `\\` for one
 * backslash, and any other backslash for itself. Text in double quotes is read as JSON.
 */
export const typedText = (text: string): string =>
  quotedText(text) ?? text.replace(/\\([ntr\\])/g, (_, letter: string) => ESCAPES[letter] as string);

/**
 * What stands between two documents, as typed: a text, or `none` (`null`) for no cut.
 *
 * @param flag - names it in a message
 * @throws TaskConfigError when it is empty
 */
export function typedSeparator(text: string, flag: string): string | null {
  if (text === 'none' || text === 'null') return null;
  const separator = typedText(text);
  if (separator !== '') return separator;
  throw new TaskConfigError(
    `${flag}: expected a text between documents, such as '\\n\\n', or none; got an empty one.`,
  );
}
