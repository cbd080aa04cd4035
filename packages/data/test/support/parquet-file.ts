// Parquet files by hand, so that they can say what no writer would.

type Field = readonly [id: number, type: number, bytes: readonly number[]];

function varint(value: number | bigint): number[] {
  let rest = BigInt(value);
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const zigzag = (value: number | bigint): number[] =>
  varint(BigInt(value) < 0n ? -2n * BigInt(value) - 1n : 2n * BigInt(value));

export const int = (id: number, value: number | bigint): Field => [id, 6, zigzag(value)];
export const int32 = (id: number, value: number): Field => [id, 5, zigzag(value)];
export const text = (id: number, value: string): Field => [
  id,
  8,
  [...varint(value.length), ...Buffer.from(value)],
];
export const struct = (id: number, fields: readonly Field[]): Field => [id, 12, structBytes(fields)];
export const list = (id: number, type: number, items: readonly (readonly number[])[]): Field => [
  id,
  9,
  [0xf0 | type, ...varint(items.length), ...items.flat()],
];

export function structBytes(fields: readonly Field[]): number[] {
  let before = 0;
  const bytes = fields.flatMap(([id, type, value]) => {
    const head = ((id - before) << 4) | type;
    before = id;
    return [head, ...value];
  });
  return [...bytes, 0];
}

const string = (value: string): number[] => [...varint(value.length), ...Buffer.from(value)];

export interface ParquetClaims {
  readonly rows?: number | bigint;
  readonly type?: number;
  readonly typeLength?: number;
  readonly codec?: number;
  readonly pageValues?: number;
  readonly pageSize?: number;
  readonly packedSize?: number;
  readonly encoding?: number;
  readonly chunkSize?: number | bigint;
  readonly offset?: number | bigint;
  readonly children?: number;
  /** The page: definition levels with their length, then values. */
  readonly page?: readonly number[];
  /** A dictionary page in front that says so many values. */
  readonly dictionaryValues?: number;
}

/** A column `text` of optional values, by default one: "a". */
export function parquetFile(claims: ParquetClaims = {}): Uint8Array {
  const { page = [2, 0, 0, 0, 2, 1, 1, 0, 0, 0, 97], type = 6, codec = 0, encoding = 0, rows = 1 } = claims;
  const head = (kind: number, fields: Field): number[] =>
    structBytes([
      int32(1, kind),
      int32(2, claims.pageSize ?? page.length),
      int32(3, claims.packedSize ?? page.length),
      fields,
    ]);
  const dictionary =
    claims.dictionaryValues === undefined
      ? []
      : [...head(2, struct(7, [int32(1, claims.dictionaryValues), int32(2, 0)])), ...page];
  const dataPage = struct(5, [
    int32(1, claims.pageValues ?? 1),
    int32(2, encoding),
    int32(3, 3),
    int32(4, 3),
  ]);
  const chunk = [...dictionary, ...head(0, dataPage), ...page];
  const typeLength = claims.typeLength === undefined ? [] : [int32(2, claims.typeLength)];
  const meta = [
    int32(1, type),
    list(2, 5, [zigzag(encoding)]),
    list(3, 8, [string('text')]),
    int32(4, codec),
    int(5, claims.pageValues ?? 1),
    int(6, chunk.length),
    int(7, claims.chunkSize ?? chunk.length),
    int(9, claims.offset ?? 4),
  ];
  const footer = structBytes([
    int32(1, 1),
    list(2, 12, [
      structBytes([text(4, 'root'), int32(5, claims.children ?? 1)]),
      structBytes([int32(1, type), ...typeLength, int32(3, 1), text(4, 'text')]),
    ]),
    int(3, rows),
    list(4, 12, [
      structBytes([list(1, 12, [structBytes([int(2, 4), struct(3, meta)])]), int(2, 100), int(3, rows)]),
    ]),
  ]);
  const end = Buffer.alloc(4);
  end.writeUInt32LE(footer.length);
  return Buffer.concat([
    Buffer.from('PAR1'),
    Buffer.from(chunk),
    Buffer.from(footer),
    end,
    Buffer.from('PAR1'),
  ]);
}
