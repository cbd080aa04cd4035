import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { PublishedFile } from '@foretoken/data';
import { isJsonObject, parseJson } from '@foretoken/input';
import { DataSetError } from './errors.js';

/** The SHA-256 of a file. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** The SHA-256 of what a file holds, unpacked where it is gzip; undefined where it cannot be unpacked. */
async function sha256OfContents(path: string): Promise<string | undefined> {
  if (!(await isGzip(path))) return sha256OfFile(path);
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), createGunzip(), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

/** Whether a file is a published one: byte by byte, or the same data compressed otherwise. */
export async function isPublishedFile(
  path: string,
  { sha256, unpackedSha256 }: Pick<PublishedFile, 'sha256' | 'unpackedSha256'>,
): Promise<boolean> {
  if (sha256 !== null && (await sha256OfFile(path)) === sha256) return true;
  return unpackedSha256 !== undefined && (await sha256OfContents(path)) === unpackedSha256;
}

/** Checks each line of a file in JSON Lines, and how many there are. */
async function checkJsonLines(path: string, { name, lines, fields = [] }: PublishedFile): Promise<void> {
  let count = 0;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.trim() === '') continue;
    count++;
    const record = parseJson(line, { what: `${name}:${count}`, error: DataSetError });
    const missing = fields.find((field) => !isJsonObject(record) || record[field] === undefined);
    if (missing !== undefined)
      throw new DataSetError(`${name}:${count}: has no field ${missing}; it is not the published file`);
  }
  if (lines !== undefined && count !== lines)
    throw new DataSetError(
      `${name}: has ${count} lines, and should have ${lines}; it is not the published file`,
    );
}

/**
 * Checks a file whose digest nobody has published, by its format.
 *
 * @throws DataSetError when it cannot be what was asked for
 */
export async function checkFormat(path: string, file: PublishedFile): Promise<void> {
  if (file.format === 'json-lines') await checkJsonLines(path, file);
}
