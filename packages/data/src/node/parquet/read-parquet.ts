import { oneLine, printable } from '@foretoken/input';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from 'hyparquet';
import { getTreePath } from 'hyparquet/src/schema.js';
import { DataFileError } from '../../errors.js';
import type { TextRecord } from '../../text/record.js';
import { checkPages, compressors, MOST_ROWS, rangeOf } from './checks.js';
import { asStored } from './values.js';

/** What a file may hold in text, and how many times its size: values that repeat are stored once. */
const SMALL_TEXT = 2 ** 28;
const LARGEST_RATIO = 200;

type Convert = (value: unknown) => unknown;

interface OpenedFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
  /** What is made of the values of a column. */
  readonly conversions: ReadonlyMap<string, Convert>;
}

const leavesOf = (tree: SchemaTree): SchemaTree[] =>
  tree.children.length === 0 ? [tree] : tree.children.flatMap(leavesOf);

async function open(path: string): Promise<OpenedFile> {
  const file = await asyncBufferFromFile(path);
  const stated = await parquetMetadataAsync(file, { geoparquet: false });
  const conversions = new Map<string, Convert>();
  const replaced = new Map<unknown, FileMetaData['schema'][number]>();
  for (const column of parquetSchema(stated).children) {
    const [leaf, ...others] = leavesOf(column) as [SchemaTree, ...SchemaTree[]];
    // Columns of several fields are no text.
    if (others.length > 0) continue;
    const { element, convert } = asStored(leaf.element);
    replaced.set(leaf.element, element);
    conversions.set(column.element.name, convert);
  }
  const metadata = { ...stated, schema: stated.schema.map((element) => replaced.get(element) ?? element) };
  return { file, metadata, schema: parquetSchema(metadata), conversions };
}

/** Reads the rows of a group that are to be read, a list for each column. */
async function readGroup(
  { file, metadata, schema, conversions }: OpenedFile,
  group: RowGroup,
  columns: readonly string[],
): Promise<ReadonlyMap<string, ArrayLike<unknown>>> {
  const rows = Number(group.num_rows);
  for (const { meta_data: meta } of group.columns) {
    if (meta === undefined || !columns.includes(meta.path_in_schema[0] as string)) continue;
    const [start, end] = rangeOf(meta, file.byteLength);
    checkPages(await file.slice(start, end), { meta, path: getTreePath(schema, meta.path_in_schema) });
  }
  const scan = await parquetScan({
    file,
    metadata: { ...metadata, num_rows: group.num_rows, row_groups: [group] },
    compressors,
    columns: [...columns],
    utf8: false,
    useOffsetIndex: false,
  });
  const found = new Map<string, ArrayLike<unknown>>();
  for (const column of columns) {
    const values = rows === 0 ? [] : await scan.readColumn({ column, rowStart: 0, rowEnd: rows });
    if (values.length !== rows)
      throw new Error(`a group of ${rows} rows has ${values.length} of column ${column}`);
    const convert = conversions.get(column) ?? ((value: unknown) => value);
    found.set(column, Array.from(values as ArrayLike<unknown>, convert));
  }
  return found;
}

/**
 * Rows of a parquet file, one row group at a time.
 *
 * @param columns - reads these alone where the file has all of them, and all columns otherwise, so that a message about
 *   a missing one can name what there is
 * @throws DataFileError when it is no parquet file, cannot be unpacked, or says that it holds more than it can
 */
export async function* readParquet(path: string, columns?: readonly string[]): AsyncGenerator<TextRecord> {
  const name = printable(path);
  const refuse = (cause: unknown): never => {
    throw new DataFileError(`${name}: not a readable parquet file: ${oneLine((cause as Error).message)}`, {
      cause,
    });
  };
  const opened = await open(path).catch(refuse);
  const names = opened.schema.children.map(({ element }) => element.name);
  const wanted = columns?.every((column) => names.includes(column)) ? [...new Set(columns)] : names;
  const limit = Math.max(SMALL_TEXT, LARGEST_RATIO * opened.file.byteLength);
  let [rowStart, length] = [0, 0];
  for (const group of opened.metadata.row_groups) {
    const rows = Number(group.num_rows);
    if (!(rows >= 0 && rows <= MOST_ROWS))
      refuse(new Error(`a row group says ${rows} rows, the limit is ${MOST_ROWS.toLocaleString('en')}`));
    const found = await readGroup(opened, group, wanted).catch(refuse);
    for (let row = 0; row < rows; row++) {
      const values = wanted.map((column) => [column, found.get(column)?.[row]] as const);
      for (const [, value] of values) if (typeof value === 'string') length += value.length;
      if (length > limit)
        refuse(
          new Error(
            `its text is more than ${limit.toLocaleString('en')} characters, ${LARGEST_RATIO} times its size`,
          ),
        );
      yield { where: `${path}:row ${rowStart + row + 1}`, columns: Object.fromEntries(values) };
    }
    rowStart += rows;
  }
}
