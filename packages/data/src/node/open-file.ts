import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { oneLine, printable } from '@foretoken/input';
import { DataFileError } from '../errors.js';
import { requireFile } from './files.js';

/** Bytes that are read at a time. */
const PIECE = 2 ** 20;
/** What any gzip file may unpack to, and how many times its size larger ones may: text seldom exceeds 20 times. */
const SMALL_UNPACKED = 2 ** 26;
const LARGEST_RATIO = 200;

async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      // The reader of the piece before may still hold it.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(PIECE), 0, PIECE);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* unpacked(path: string, size: number): AsyncGenerator<Buffer> {
  const limit = Math.max(SMALL_UNPACKED, LARGEST_RATIO * size);
  const gunzip = createGunzip({ chunkSize: PIECE });
  const feed = (async () => {
    try {
      for await (const piece of piecesOf(path)) {
        if (gunzip.destroyed) return;
        if (!gunzip.write(piece))
          await new Promise((resolve) => gunzip.once('drain', resolve).once('close', resolve));
      }
      gunzip.end();
    } catch (error) {
      gunzip.destroy(error as Error);
    }
  })();
  let total = 0;
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      total += piece.length;
      if (total > limit) {
        throw new DataFileError(
          `${printable(path)}: unpacks to more than ${limit.toLocaleString('en')} bytes, ${LARGEST_RATIO} times its size or more. Unpack it yourself if that is meant.`,
        );
      }
      yield piece;
    }
  } catch (cause) {
    if (cause instanceof DataFileError) throw cause;
    throw new DataFileError(
      `${printable(path)}: not a whole gzip file: ${oneLine((cause as Error).message)}.`,
      {
        cause,
      },
    );
  } finally {
    gunzip.destroy();
    await feed;
  }
}

/**
 * The bytes of a data file, a piece at a time, unpacked when its name ends in `.gz`.
 *
 * @throws DataFileError when it is missing, empty, no regular file, or unpacks to far more than text does
 */
export async function* readPieces(path: string): AsyncGenerator<Buffer> {
  const { size } = requireFile(path);
  yield* /\.gz$/i.test(path) ? unpacked(path, size) : piecesOf(path);
}
