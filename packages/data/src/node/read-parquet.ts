import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataFileError } from '../errors.js';
import type { TextRecord } from '../text/record.js';

/**
 * Rows of a parquet file, one row group at a time.
 *
 * @param columns - reads these alone where the file has all of them, and all columns otherwise, so that a message about
 *   a missing one can name what there is
 * @throws DataFileError when it is no parquet file or cannot be unpacked
 */
export async function* readParquet(path: string, columns?: readonly string[]): AsyncGenerator<TextRecord> {
  const refuse = (cause: unknown): never => {
    throw new DataFileError(`${path}: not a readable parquet file: ${(cause as Error).message}`, { cause });
  };
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch(refuse);
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const wanted = columns?.every((name) => names.includes(name)) ? [...columns] : names;
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file,
      metadata,
      compressors,
      rowStart,
      rowEnd,
      columns: wanted,
    }).catch(refuse);
    for (const [at, row] of rows.entries()) {
      yield { where: `${path}:row ${rowStart + at + 1}`, columns: row };
    }
    rowStart = rowEnd;
  }
}
