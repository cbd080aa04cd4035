import { printable } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { readPieces } from './open-file.js';
import { firstInvalid, unfinishedBytes } from './utf8.js';

const LINE_END = 0x0a;

function countLineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) count++;
  return count;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** What a file is that begins with these bytes, where that is known. */
function otherEncoding([first, second]: Uint8Array): string {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
    ? ' It looks like UTF-16.'
    : '';
}

/**
 * The text of a file in UTF-8 of any size, a piece at a time, without a byte order mark. Unpacked when the name ends in
 * `.gz`.
 *
 * @throws DataFileError naming line and byte that are no UTF-8
 */
export async function* readText(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let offset = 0;
  let lineEnds = 0;
  let isFirst = true;
  const decode = (bytes: Uint8Array): string => {
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch (cause) {
      const bad = firstInvalid(bytes);
      const line = 1 + lineEnds + countLineEnds(bytes.subarray(0, bad));
      throw new DataFileError(
        `${printable(path)}:${line}: not UTF-8: byte ${offset + bad} of the text is 0x${hex(bytes[bad] as number)}.${offset === 0 ? otherEncoding(bytes) : ''} Convert the file to UTF-8.`,
        { cause },
      );
    }
    offset += bytes.length;
    lineEnds += countLineEnds(bytes);
    if (isFirst && text !== '') {
      isFirst = false;
      return text.startsWith('\uFEFF') ? text.slice(1) : text;
    }
    return text;
  };
  let rest: Uint8Array = new Uint8Array(0);
  for await (const piece of readPieces(path)) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = bytes.length - unfinishedBytes(bytes);
    rest = bytes.subarray(end);
    yield decode(bytes.subarray(0, end));
  }
  if (rest.length > 0) yield decode(rest);
}
