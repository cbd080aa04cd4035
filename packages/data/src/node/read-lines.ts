import { printable } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { readText } from './read-text.js';

/** UTF-16 units of a line: a string of V8 holds four times as many. */
const LONGEST = 2 ** 27;

/**
 * Lines of a text file in UTF-8, unpacked when its name ends in `.gz`. Holds one line at a time.
 *
 * @throws DataFileError naming the line that is no UTF-8, or too long
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  let number = 1;
  let pending: string[] = [];
  let pendingLength = 0;
  for await (const text of readText(path)) {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const last = text.slice(start, end);
      yield pending.length === 0 ? last : pending.join('') + last;
      pending = [];
      pendingLength = 0;
      number++;
      start = end + 1;
    }
    if (start === text.length) continue;
    pending.push(text.slice(start));
    pendingLength += text.length - start;
    if (pendingLength > LONGEST) {
      throw new DataFileError(
        `${printable(path)}:${number}: the line is longer than ${LONGEST.toLocaleString('en')} characters. Expected one record a line.`,
      );
    }
  }
  if (pending.length > 0) yield pending.join('');
}
