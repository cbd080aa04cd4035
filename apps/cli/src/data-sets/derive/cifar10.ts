import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import { DataSetError } from '../errors.js';

/** Names without the folder of the archive. */
const BINARY = /^(data_batch_[1-5]|test_batch)\.bin$/;

/** 10,000 records of a label and 3 x 32 x 32 pixels. */
const BYTES = 10_000 * 3073;

/** Takes the binary files out of the archive, which then goes. @param bytes - of each file */
export async function deriveCifar10(folder: string, bytes = BYTES): Promise<void> {
  const archive = join(folder, 'cifar-10-binary.tar.gz');
  const unpacked = join(folder, '.unpacked');
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked);
  try {
    await pipeline(
      createReadStream(archive),
      createGunzip(),
      unpackTar(unpacked, {
        strip: 1,
        filter: ({ name, size, type }) => type === 'file' && BINARY.test(name) && size === bytes,
      }),
    );
    const names = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`).concat('test_batch.bin');
    for (const name of names) {
      const found = await stat(join(unpacked, name)).catch(() => undefined);
      if (found === undefined) throw new DataSetError(`cifar-10-binary.tar.gz holds no whole ${name}`);
    }
    for (const name of names) await rename(join(unpacked, name), join(folder, name));
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  await rm(archive, { force: true });
}
