import { isJsonObject, parseJson, quote, shorten } from '@foretoken/input';
import { SafetensorsError } from './errors.js';

/** Where one tensor lies in the data part of the file, and what it is. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Bytes from the start of the data part. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data part starts in the file. */
  readonly dataStart: number;
}

/** Bytes of one element, for the element types whose place in a file is known; not all of them can be decoded. */
export const ELEMENT_BYTES = {
  F32: 4,
  I32: 4,
  U32: 4,
  I64: 8,
  F16: 2,
  BF16: 2,
  BOOL: 1,
  F64: 8,
  U64: 8,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

export type SafetensorsDType = keyof typeof ELEMENT_BYTES;

/** Bytes of the header's length at the start of the file. */
export const LENGTH_BYTES = 8;

/** The reference implementation refuses larger headers, so that a bad file cannot ask for any amount of memory. */
const MAX_HEADER_BYTES = 100_000_000;

/** Levels of a header: an object of objects of lists. */
const MAX_DEPTH = 8;

/** Characters of a name in messages: layers have long ones. */
const LONGEST_NAME = 120;

const shapeText = (shape: readonly number[]): string => `[${shorten(shape.join(', '))}]`;

const fail = (message: string): never => {
  throw new SafetensorsError(`safetensors: ${message}`);
};

/** The first name that an object of this valid JSON text has twice: `JSON.parse` would drop one in silence. */
function duplicateName(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const name = JSON.parse(token.slice(0, -1)) as string;
      if (open.at(-1)?.has(name)) return name;
      open.at(-1)?.add(name);
    }
  }
  return undefined;
}

function parseHeaderJson(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('the header is not valid UTF-8.');
  }
  if (!text.startsWith('{')) fail(`the header must start with '{', got ${JSON.stringify(text.slice(0, 1))}.`);
  const limits = { maxDepth: MAX_DEPTH, maxLength: MAX_HEADER_BYTES, error: SafetensorsError };
  const parsed = parseJson(text, { what: 'safetensors: the header', ...limits });
  const twice = duplicateName(text);
  if (twice !== undefined) fail(`the header has the name ${quote(twice)} twice.`);
  return isJsonObject(parsed) ? parsed : fail('the header must be a JSON object.');
}

function parseMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isJsonObject(value)) return fail('__metadata__ must be an object of strings.');
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(`__metadata__ must be an object of strings, ${quote(name)} is none.`);
  }
  return value as Record<string, string>;
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const areWhole = (value: unknown): value is number[] => Array.isArray(value) && value.every(isWhole);

function parseEntry(name: string, value: unknown): SafetensorsEntry {
  const where = `tensor ${quote(name, LONGEST_NAME)}`;
  if (!isJsonObject(value)) return fail(`${where} must be an object with dtype, shape and data_offsets.`);
  const { dtype, shape, data_offsets: offsets } = value;
  const extra = Object.keys(value).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key));
  if (extra !== undefined) fail(`${where} has the unknown field ${quote(extra)}.`);
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    return fail(
      `${where} has dtype ${quote(dtype)}; this reader knows ${Object.keys(ELEMENT_BYTES).join(', ')}.`,
    );
  }
  if (!areWhole(shape)) return fail(`${where}: shape must be a list of whole numbers, got ${quote(shape)}.`);
  if (!areWhole(offsets) || offsets.length !== 2) {
    return fail(`${where}: data_offsets must be two whole numbers, got ${quote(offsets)}.`);
  }
  const [start, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, ELEMENT_BYTES[dtype as SafetensorsDType]);
  if (!Number.isSafeInteger(bytes)) fail(`${where}: shape ${shapeText(shape)} is too large.`);
  if (end - start !== bytes) {
    fail(
      `${where}: ${dtype}${shapeText(shape)} takes ${bytes} bytes, data_offsets [${start}, ${end}] hold ${end - start}.`,
    );
  }
  return { dtype: dtype as SafetensorsDType, shape, start, end };
}

/** The format wants every byte of the data part to belong to exactly one tensor. */
function checkCoverage(entries: ReadonlyMap<string, SafetensorsEntry>, dataBytes: number): void {
  let covered = 0;
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  for (const [name, { start, end }] of inOrder) {
    if (start !== covered) {
      fail(
        `tensor ${quote(name, LONGEST_NAME)} starts at ${start}, ${start < covered ? 'inside' : 'behind a gap after'} the data that ends at ${covered}.`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes)
    fail(`the tensors end at byte ${covered} of the data, the file has ${dataBytes} bytes of it.`);
}

function checkFileLength(fileBytes: number): void {
  if (fileBytes < LENGTH_BYTES) {
    fail(
      `a file has at least ${LENGTH_BYTES} bytes for the length of its header, this one has ${fileBytes}.`,
    );
  }
}

/** Where the data part starts. @param start - the first bytes of the file, `LENGTH_BYTES` or more */
function findDataStart(start: Uint8Array, fileBytes: number): number {
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    fail(`a header of ${length} bytes is over the limit of ${MAX_HEADER_BYTES}.`);
  const dataStart = LENGTH_BYTES + Number(length);
  if (dataStart > fileBytes) {
    fail(`the header says it has ${length} bytes, the file only has ${fileBytes - LENGTH_BYTES} after it.`);
  }
  return dataStart;
}

function parseHeader(json: Uint8Array, dataStart: number, fileBytes: number): SafetensorsHeader {
  const { __metadata__: metadata, ...tensors } = parseHeaderJson(json);
  const entries = new Map(Object.entries(tensors).map(([name, value]) => [name, parseEntry(name, value)]));
  checkCoverage(entries, fileBytes - dataStart);
  return { entries, metadata: parseMetadata(metadata), dataStart };
}

/** Where the bytes of a file come from: a file that may be larger than any array, or memory. */
export interface SafetensorsSource {
  readonly fileBytes: number;
  /** Fills `into` with the bytes of the file from `start` on. */
  fill(into: Uint8Array, start: number): void;
}

/** A file that is in memory as a whole. */
export const sourceOfBytes = (bytes: Uint8Array): SafetensorsSource => ({
  fileBytes: bytes.byteLength,
  fill: (into, start) => into.set(bytes.subarray(start, start + into.length)),
});

/**
 * Reads and checks the header: its length (u64, little endian), the JSON object, and that the tensors fill the
 * data part of the file without gap or overlap.
 *
 * @param file - the bytes of the whole file, or where they come from; only the header is read
 * @throws SafetensorsError for anything else than a well-formed file
 */
export function readSafetensorsHeader(file: Uint8Array | SafetensorsSource): SafetensorsHeader {
  const source = file instanceof Uint8Array ? sourceOfBytes(file) : file;
  const read = (start: number, end: number): Uint8Array => {
    const bytes = new Uint8Array(end - start);
    source.fill(bytes, start);
    return bytes;
  };
  checkFileLength(source.fileBytes);
  const dataStart = findDataStart(read(0, LENGTH_BYTES), source.fileBytes);
  return parseHeader(read(LENGTH_BYTES, dataStart), dataStart, source.fileBytes);
}

/** Gives the bytes of a file from `start` up to `end`. */
export type ByteReader = (start: number, end: number) => Promise<Uint8Array>;

/**
 * As `readSafetensorsHeader`, where bytes have to be waited for.
 *
 * @throws SafetensorsError for anything else than a well-formed file
 */
export async function fetchSafetensorsHeader(
  read: ByteReader,
  fileBytes: number,
): Promise<SafetensorsHeader> {
  checkFileLength(fileBytes);
  const dataStart = findDataStart(await read(0, LENGTH_BYTES), fileBytes);
  return parseHeader(await read(LENGTH_BYTES, dataStart), dataStart, fileBytes);
}
