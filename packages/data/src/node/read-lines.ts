import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { DataFileError } from '../errors.js';

const LINE_END = 0x0a;

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  if (!path.endsWith('.gz')) {
    yield* createReadStream(path);
    return;
  }
  const source = createReadStream(path);
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  try {
    yield* source.pipe(unpacked);
  } catch (cause) {
    throw new DataFileError(`${path}: not a whole gzip file: ${(cause as Error).message}.`, { cause });
  } finally {
    source.destroy();
  }
}

/**
 * Lines of a text file in UTF-8, unpacked when its name ends in `.gz`. Holds one line at a time.
 *
 * @throws DataFileError naming the line that is no UTF-8
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  const decode = (parts: readonly Uint8Array[]): string => {
    number++;
    try {
      return decoder.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    } catch (cause) {
      throw new DataFileError(`${path}:${number}: not UTF-8. Convert the file to UTF-8.`, { cause });
    }
  };
  let pending: Uint8Array[] = [];
  for await (const bytes of bytesOf(path)) {
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      yield decode([...pending, bytes.subarray(start, end)]);
      pending = [];
      start = end + 1;
    }
    if (start < bytes.length) pending.push(bytes.subarray(start));
  }
  if (pending.length > 0) yield decode(pending);
}
