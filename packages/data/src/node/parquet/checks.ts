// The library trusts the counts and sizes that a file states; those that memory or time depends on are checked before.
import type { ColumnMetaData, Compressors, PageHeader, SchemaTree } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { compressors as codecs } from 'hyparquet-compressors';

/** Rows of a row group, and values of a page. */
export const MOST_ROWS = 2 ** 24;
/** Bytes of a page, unpacked. */
const LARGEST_PAGE = 2 ** 28;
/** Bytes of a value of fixed length. */
const LONGEST_VALUE = 2 ** 12;
/** Values that the last group of a run may have too many. */
const SPARE = 512;

function refuse(problem: string): never {
  throw new Error(problem);
}

function checkNumber(what: string, value: unknown, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  return refuse(`it says ${what} ${String(value)}, the limit is ${most.toLocaleString('en')}`);
}

/** Codecs that make no more than a page may hold. */
export const compressors: Compressors = Object.fromEntries(
  Object.entries(codecs).map(([name, unpack]) => [
    name,
    (input: Uint8Array, length: number) => {
      checkNumber('a page has bytes', length, LARGEST_PAGE);
      if (name === 'ZSTD') checkZstd(input, length);
      return unpack(input, length);
    },
  ]),
);

/** The size that a frame of Zstandard states, which the library makes room for. */
function checkZstd(input: Uint8Array, length: number): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.byteLength < 6 || view.getUint32(0, true) !== 0xfd2fb528) return;
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor >> 5) & 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const at = 5 + (isSingle === 1 ? 0 : 1) + dictionaryBytes;
  const sizeBytes = [isSingle, 2, 4, 8][descriptor >> 6] as number;
  if (isSingle === 0 && view.getUint8(5) >> 3 > 18) refuse('a page needs a window of more than 256 MiB');
  if (sizeBytes === 0 || at + sizeBytes > view.byteLength) return;
  const stated = [
    () => view.getUint8(at),
    () => view.getUint16(at, true) + 256,
    () => view.getUint32(at, true),
    () => Number(view.getBigUint64(at, true)),
  ][Math.log2(sizeBytes)] as () => number;
  if (stated() !== length) refuse(`a page says ${length} bytes and unpacks to ${stated()}`);
}

/** Checks that runs of repeated and packed values make no more than `values`. */
function checkRuns(bytes: Uint8Array, start: number, end: number, width: number, values: number): void {
  if (width > 32) refuse(`values are said to have ${width} bits`);
  let at = start;
  for (let seen = 0; seen < values && at < end; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) refuse('a run has no length');
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const count = Math.floor(header / 2) * (isPacked ? 8 : 1);
    if (count > values - seen + (isPacked ? SPARE : 0))
      refuse(`a run of ${count} values in a page of ${values}`);
    seen += count;
    at += isPacked ? (count / 8) * width : (width + 7) >> 3;
  }
}

const bitsOf = (level: number): number => 32 - Math.clz32(level);

interface Column {
  readonly path: SchemaTree[];
  readonly meta: ColumnMetaData;
}

/** Checks the values of a page behind their levels. */
function checkValues(
  bytes: Uint8Array,
  at: number,
  encoding: string,
  values: number,
  { meta }: Column,
): void {
  if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') {
    if (at < bytes.length) checkRuns(bytes, at + 1, bytes.length, bytes[at] as number, values);
  } else if (encoding === 'RLE' && meta.type === 'BOOLEAN') {
    checkRuns(bytes, at + 4, bytes.length, 1, values);
  } else if (encoding === 'DELTA_BYTE_ARRAY') {
    const prefixes = new Int32Array(values);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (values > 0) deltaBinaryUnpack({ view, offset: at }, values, prefixes);
    const repeated = prefixes.reduce((sum, length) => sum + length, 0);
    checkNumber('values repeat bytes', repeated, LARGEST_PAGE);
  }
}

const unpack = (input: Uint8Array, length: number, { meta }: Column): Uint8Array => {
  const codec = compressors[meta.codec];
  return meta.codec === 'UNCOMPRESSED' || codec === undefined ? input : codec(input, length);
};

function checkPage(header: PageHeader, packed: Uint8Array, column: Column): void {
  const size = checkNumber('a page has bytes', header.uncompressed_page_size, LARGEST_PAGE);
  const levels = [getMaxRepetitionLevel(column.path), getMaxDefinitionLevel(column.path)];
  const { dictionary_page_header: dictionary, data_page_header: page, data_page_header_v2: page2 } = header;
  if (dictionary !== undefined) {
    checkNumber('a dictionary has values', dictionary.num_values, Math.min(size, MOST_ROWS));
    return;
  }
  if (page !== undefined) {
    const values = checkNumber('a page has values', page.num_values, MOST_ROWS);
    const bytes = unpack(packed, size, column);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (const level of levels) {
      if (level === 0) continue;
      const length = checkNumber('levels take bytes', view.getUint32(at, true), bytes.length - at - 4);
      checkRuns(bytes, at + 4, at + 4 + length, bitsOf(level), values);
      at += 4 + length;
    }
    checkValues(bytes, at, page.encoding, values, column);
    return;
  }
  if (page2 === undefined) return;
  const values = checkNumber('a page has values', page2.num_values, MOST_ROWS);
  checkNumber('a page has nulls', page2.num_nulls, values);
  const lengths = [page2.repetition_levels_byte_length, page2.definition_levels_byte_length];
  let at = 0;
  for (const [which, level] of levels.entries()) {
    const length = checkNumber('levels take bytes', lengths[which] ?? 0, packed.length - at);
    if (level > 0) checkRuns(packed, at, at + length, bitsOf(level), values);
    at += length;
  }
  const rest = packed.subarray(at);
  const bytes =
    page2.is_compressed === false
      ? rest
      : unpack(rest, checkNumber('values take bytes', size - at, size), column);
  checkValues(bytes, 0, page2.encoding, values - page2.num_nulls, column);
}

/** Where the pages of a column lie in the file. */
export function rangeOf(meta: ColumnMetaData, fileSize: number): readonly [start: number, end: number] {
  const data = Number(meta.data_page_offset);
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const start = dictionary > 0 ? Math.min(dictionary, data) : data;
  const end = start + Number(meta.total_compressed_size);
  if (start >= 0 && start <= end && end <= fileSize) return [start, end];
  return refuse(`a column is said to lie from byte ${start} to ${end} of ${fileSize}`);
}

/**
 * Checks the pages of a column.
 *
 * @throws Error with what a count or size would take
 */
export function checkPages(buffer: ArrayBuffer, column: Column): void {
  const { element } = column.path.at(-1) as SchemaTree;
  if (column.meta.type === 'FIXED_LEN_BYTE_ARRAY')
    checkNumber('values have bytes', element.type_length, LONGEST_VALUE);
  const reader = { view: new DataView(buffer), offset: 0 };
  while (reader.offset < reader.view.byteLength - 1) {
    const header = parquetHeader(reader);
    const left = reader.view.byteLength - reader.offset;
    const length = checkNumber('a page takes bytes', header.compressed_page_size, left);
    checkPage(header, new Uint8Array(buffer, reader.offset, length), column);
    reader.offset += length;
  }
}
